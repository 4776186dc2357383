#include "policy/privacy/fourier.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "federation/check.h"

namespace dure::privacy {

Fourier::Fourier(size_t length) : length_(length), roots_(length / 2) {
  DURE_CHECK(std::has_single_bit(length), "the length is a power of two");
  for (size_t k = 0; k < roots_.size(); ++k) {
    const double angle = -2 * M_PI * static_cast<double>(k) / static_cast<double>(length);
    roots_[k] = {std::cos(angle), std::sin(angle)};
  }
}

void Fourier::Forward(std::vector<std::complex<double>>& values) const {
  DURE_CHECK(values.size() == length_, "as many values as the transform is long");
  for (size_t i = 1, j = 0; i < length_; ++i) {  // j is i with its bits in reverse
    size_t bit = length_ >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(values[i], values[j]);
  }
  for (size_t half = 1; half < length_; half *= 2) {
    const size_t stride = length_ / (2 * half);
    for (size_t begin = 0; begin < length_; begin += 2 * half) {
      for (size_t k = 0; k < half; ++k) {
        const std::complex<double> root = roots_[k * stride];
        const std::complex<double> odd = values[begin + half + k];
        const std::complex<double> turned(odd.real() * root.real() - odd.imag() * root.imag(),
                                          odd.real() * root.imag() + odd.imag() * root.real());
        const std::complex<double> even = values[begin + k];
        values[begin + k] = even + turned;
        values[begin + half + k] = even - turned;
      }
    }
  }
}

void Fourier::Inverse(std::vector<std::complex<double>>& values) const {
  // The inverse is the forward transform with the order of all but the first value turned round.
  Forward(values);
  std::reverse(values.begin() + 1, values.end());
}

}  // namespace dure::privacy
