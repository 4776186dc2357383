// The issuing CA on the aggregator's disk: <dir>/ca/issuing.pem (key and certificate in one file,
// so that a renewal replaces both at once) and <dir>/ca/root.crt.
#pragma once

#include <filesystem>

#include "federation/identity/issue.h"

namespace dure::identity {

struct IssuingFiles {
  Authority issuing;
  Bytes root_der;
};

// Also checks that the certificate leads to the root. kNotFound, kPermissionDenied, kCorrupt.
Result<IssuingFiles> ReadIssuing(const std::filesystem::path& aggregator_dir);
Status WriteIssuing(const std::filesystem::path& aggregator_dir, const IssuingFiles& files);

}  // namespace dure::identity
