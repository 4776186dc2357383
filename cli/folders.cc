#include "cli/folders.h"

#include <filesystem>

namespace dure::cli {

std::string OperatorFolder(const std::string& dir) {
  const std::filesystem::path below = std::filesystem::path(dir) / "operator";
  return std::filesystem::exists(below / "identity") ? below.string() : dir;
}

std::string AggregatorFolder(const std::string& dir) {
  const std::filesystem::path below = std::filesystem::path(dir) / "aggregator";
  return std::filesystem::exists(below / "ca") ? below.string() : dir;
}

Result<identity::Identity> LoadSeat(const std::string& dir, WallTime now) {
  const std::string folder = OperatorFolder(dir);
  if (!std::filesystem::exists(std::filesystem::path(folder) / "identity")) {
    return Fail(ErrorCode::kNotFound,
                dir +
                    " holds nobody's keys: it is neither the folder that dure site enrol made "
                    "(an officer's, a site's) nor that of dure consortium init");
  }
  DURE_ASSIGN(identity::Identity own, identity::LoadIdentity(folder));
  if (own.not_after > now) return own;
  const bool is_operator = own.role() == identity::Role::kOperator;
  return Fail(ErrorCode::kUnauthenticated,
              "the certificate in " + folder + " expired " + FormatRfc3339(own.not_after) +
                  (is_operator ? "; renew it on the aggregator's machine (dure consortium renew)"
                               : "; ask the operator for a new invitation and enrol again"));
}

Result<identity::Identity> LoadOperator(const std::string& dir, WallTime now) {
  DURE_ASSIGN(identity::Identity own, LoadSeat(dir, now));
  if (own.role() != identity::Role::kOperator) {
    return Fail(ErrorCode::kPermissionDenied, OperatorFolder(dir) + " belongs to " +
                                                  own.subject.ToUri() +
                                                  "; this needs an operator's folder");
  }
  return own;
}

}  // namespace dure::cli
