// Whether a site's copy of the record is today's.
#pragma once

#include <string>

#include "cli/command.h"

namespace dure::cli {

// Waits, a few seconds at most, until the copy in a site's folder holds what the log holds when it
// is called; the site's daemon fetches it. A person's copy follows by itself (RecordCopy).
//
// kUnavailable: the copy stays behind, so no daemon keeps it. An aggregator that does not answer is
// no error: it is said up to which entry and time the copy goes.
Status AwaitNewestCopy(const std::string& dir, Context& context);

}  // namespace dure::cli
