// What a simulated site signs, by a seal that stands for a signature.
#include "federation/canonical.h"
#include "tests/sim/site_node.h"

namespace dure::sim {
namespace {

Digest SealOf(const SiteId& site, ByteView statement) {
  CanonicalWriter w;
  w.Text("test site key").Text(site.str()).Blob(statement);
  return Sha256(w.bytes());
}

}  // namespace

Bytes SealStatement(const SiteId& site, const round::Submission& submission) {
  round::Submission bare = submission;
  bare.envelope = {0};  // A message without an envelope would not be one.
  const Bytes statement = round::EncodeMessage(bare);
  CanonicalWriter w;
  w.Blob(statement).Raw32(SealOf(site, statement));
  return w.Take();
}

std::optional<round::Submission> OpenStatement(const SiteId& site, ByteView envelope) {
  CanonicalReader r(envelope);
  const Bytes statement = r.Blob();
  const Digest seal = r.Raw32();
  if (!r.Done("statement") || seal != SealOf(site, statement)) return std::nullopt;
  auto message = round::DecodeMessage(statement);
  if (!message || !std::holds_alternative<round::Submission>(*message)) return std::nullopt;
  return std::get<round::Submission>(std::move(*message));
}

}  // namespace dure::sim
