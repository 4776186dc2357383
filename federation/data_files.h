// Data files: which files of a folder are its data. One rule for who measures data for the record
// and for who reads it to train, so that a digest covers what is trained on and nothing else.
//
// A file that is named is its own only file, through a link, too. Of a folder it is every regular
// file below, but not
//   - what is hidden: a name that begins with a dot, and all below such a folder,
//   - what is reached through a link: it can be exchanged without touching the folder, and a
//     trainer in its sandbox reads nothing outside (trainer/sandbox.h),
//   - terms.toml at the top: what the owner allows, which often lies beside the text,
//   - pipes, sockets and devices.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "federation/result.h"

namespace dure {

inline constexpr size_t kDataFilesMax = 1'000'000;  // a listing is held in memory

struct DataFile {
  std::filesystem::path path;
  std::string name;  // below the folder, with '/'; of a file that is named itself, its own
};

struct DataFiles {
  std::vector<DataFile> files;     // ascending by name
  std::vector<std::string> links;  // names of those left out, ascending
};

// kNotFound: nothing there. kInvalid: neither file nor folder. kExhausted: more than kDataFilesMax.
// kFailedPrecondition: a folder that may not be read. A folder without a file is no error here.
Result<DataFiles> ListDataFiles(const std::filesystem::path& path);

}  // namespace dure
