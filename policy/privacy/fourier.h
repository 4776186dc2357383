// The discrete Fourier transform of a power-of-two length, for composing privacy losses.
//
// Sixty lines of our own rather than a library: FFTW is under the GPL, the others are no Debian 12
// package that Dure needs otherwise, and an account is computed a few times a run. Twiddle factors
// come from a table of directly computed sines, so the error grows with the logarithm of the length
// only. Not thread-safe: one Fourier a caller.
#pragma once

#include <complex>
#include <cstddef>
#include <vector>

namespace dure::privacy {

class Fourier {
 public:
  explicit Fourier(size_t length);  // REQUIRES: a power of two

  // In place, unscaled: Inverse(Forward(x)) is length() times x. REQUIRES: values.size() == length.
  void Forward(std::vector<std::complex<double>>& values) const;
  void Inverse(std::vector<std::complex<double>>& values) const;
  size_t length() const { return length_; }

 private:
  size_t length_;
  std::vector<std::complex<double>> roots_;  // exp(-2 pi i k / length), k < length / 2
};

}  // namespace dure::privacy
