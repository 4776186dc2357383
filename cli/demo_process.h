// DemoProcess: one of the demonstration's own processes: this same program with another command
// line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "federation/result.h"

namespace dure::cli {

class DemoProcess {
 public:
  // Starts `dure <arguments>`; its messages go to `log`. The process dies with its parent.
  // kUnavailable.
  static Result<std::unique_ptr<DemoProcess>> Start(std::string name,
                                                    const std::vector<std::string>& arguments,
                                                    const std::filesystem::path& log);
  // Runs `dure <arguments>` to its end and returns what it printed. The error carries what it said.
  static Result<std::string> Run(const std::vector<std::string>& arguments);

  ~DemoProcess();  // SIGTERM, then waits

  // Its first line on standard output. kUnavailable: it ended before; the message carries the end
  // of its log.
  Result<std::string> FirstLine();
  void Terminate();
  void Kill();  // SIGKILL
  bool IsRunning();

  // Largest resident set so far, of this process and of its children by name ("site", "site
  // trainer"), in bytes.
  struct Peak {
    std::string name;
    uint64_t rss_bytes = 0;
  };
  std::vector<Peak> Peaks();

 private:
  DemoProcess() = default;
  std::string name_;
  std::filesystem::path log_;
  pid_t pid_ = 0;
  int out_ = -1;
  std::vector<Peak> peaks_;
};

}  // namespace dure::cli
