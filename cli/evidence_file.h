// A file that shows something and stays where it is: the record gets its digest under a salt, and
// the salt lies beside it as FILE.salt.json, the owner's alone to read. Without the salt nobody
// could ever show that this was the file.
#pragma once

#include <string>

#include "cli/command.h"
#include "federation/digest.h"

namespace dure::cli {

// The commitment to what the file holds; no path: none, all zeros. The salt that lies beside it
// already is taken again and never written over: an entry may stand on it.
// kNotFound: no such file. kAlreadyExists: the salt beside it is of other bytes, or is none.
// kUnavailable: the salt cannot be written.
Result<Digest> CommitEvidence(const std::string& path, const Context& context);

}  // namespace dure::cli
