#include <iostream>

#include "cli/dure.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return dure::cli::RunDure(arguments, std::cout, std::cerr, [] {
    return std::chrono::time_point_cast<dure::Duration>(std::chrono::system_clock::now());
  });
}
