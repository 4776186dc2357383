// What lies between a site's daemon and a trainer: the files that a task may see, and a result that
// the daemon takes over.
//
// A trainer computes with code that the site may not have written, and goes on running when its
// task is done. So it sees the files of one run's task and no others, and the daemon maps no file
// that a trainer could still cut short under it, which would end the daemon (SIGBUS).
#pragma once

#include <filesystem>

#include "model/seat/messages.h"
#include "site/trainer_desk.h"

namespace dure::site {

// Where tokens of exactly this data are kept, below the site's folder; made if it is not there.
std::filesystem::path WorkFolderFor(const std::filesystem::path& site_dir,
                                    const seat::DataSpec& data);

// What every task on this data may see: it, `given`, and its own work folder.
Reach ReachOf(const seat::DataSpec& data, const std::filesystem::path& given,
              const std::filesystem::path& work_dir);

// Gives a file another name, which replaces what had it. False: the file systems do not, and the
// file must be read where it is.
bool LinkAs(const std::filesystem::path& file, const std::filesystem::path& name);

// Makes what a trainer left at `made` the daemon's own, at `taken`, durable. It is moved out of the
// trainer's folder, which nothing that was not open before reaches any more; if somebody still has
// it open or mapped for writing, or has another name for it, it is copied. Blocks, reads the whole
// file if it must. kNotFound: there is none; kInvalid: it is no plain file; kCorrupt: it was cut
// short while it was read; kExhausted: no room; kUnavailable: the system refused. On failure
// nothing is at `taken`.
Status TakeOver(const std::filesystem::path& made, const std::filesystem::path& taken);

}  // namespace dure::site
