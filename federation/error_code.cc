#include "federation/error_code.h"

#include <algorithm>

namespace dure {

std::string CodeWord(ErrorCode code) {
  std::string word(Name(code));
  std::ranges::replace(word, ' ', '-');
  return word;
}

}  // namespace dure
