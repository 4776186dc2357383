// RunFolder: where a site keeps what it works with in one run.
//
//   given/                               what the trainer reads, and cannot write:
//     config.json, tokenizer.json
//     base.safetensors                   the model that it trains from, another name of its blob
//   seat/                                where the trainer writes, and the daemon maps nothing:
//     state-<round>/                     optimizer and data cursor after that round's training
//     trained-<round>.safetensors        a round's result, until the daemon has taken it over
//     trained-….writing, state-….new     a result and a state that a trainer is writing
//   trained-<round>.safetensors          a round's result, until it is settled
//   residual-<version>.f32               error feedback, one file a version
//   lanes-<round>                        a contribution under way; in a masked round what was
//                                        masked, until the sum is checked
//   payload-<round>                      a masked contribution under way
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/round/plan.h"

namespace dure::site {

class RunFolder {
 public:
  RunFolder(const std::filesystem::path& site_dir, const RunId& run)
      : dir_(site_dir / "runs" / run.str()), key_("run/" + run.str() + "/") {}

  const std::filesystem::path& dir() const { return dir_; }
  std::string JournalKey(std::string_view what) const { return key_ + std::string(what); }
  std::filesystem::path given() const { return dir_ / "given"; }
  std::filesystem::path seat() const { return dir_ / "seat"; }
  std::filesystem::path config() const { return given() / "config.json"; }
  std::filesystem::path tokenizer() const { return given() / "tokenizer.json"; }
  std::filesystem::path base() const { return given() / "base.safetensors"; }
  std::filesystem::path made(RoundNumber round) const;  // in the seat
  std::filesystem::path trained(RoundNumber round) const;
  std::filesystem::path state(RoundNumber round) const;
  std::filesystem::path residual(uint64_t version) const;
  std::filesystem::path lanes(RoundNumber round) const;
  std::filesystem::path payload(RoundNumber round) const;

  // Makes the folders, and brings what an earlier version kept beside them to its place. What fails
  // shows itself at the first file, with its name.
  void MakeReady() const;
  // The latest state of a round before `round`; nullopt at the beginning.
  std::optional<std::filesystem::path> StateBefore(RoundNumber round) const;
  // Removes states of rounds before the latest two before `round`.
  void ForgetStatesBefore(RoundNumber round) const;
  // Results of rounds before `round`.
  std::vector<std::filesystem::path> TrainedBefore(RoundNumber round) const;
  // What a trainer wrote and nobody took over, or did not finish, of any round. REQUIRES: none is
  // writing.
  std::vector<std::filesystem::path> HalfTrained() const;
  // What a process that died left half made, and nothing will finish: the files of a derivation,
  // HalfTrained, what was made ready for a round, lanes and payloads of rounds before `round`.
  std::vector<std::filesystem::path> LeftoversBefore(RoundNumber round) const;
  // All that was made in its rounds, of a run that is over: not what the trainer reads, which a
  // model of it is measured and exported with. Another program's files in the seat, too.
  std::vector<std::filesystem::path> FilesOfRounds() const;
  // Residual versions other than these two.
  std::vector<std::filesystem::path> ResidualsBut(uint64_t current, uint64_t former) const;

 private:
  std::filesystem::path dir_;
  std::string key_;
};

}  // namespace dure::site
