// What a liar of the end-to-end tests tells, and that it was told; for the files of dure-lying.
#pragma once

#include <string>
#include <string_view>

#include "federation/bytes.h"

namespace dure::lying {

struct Lie {
  std::string name;
  std::string site;
};
const Lie& TheLie();
void Told();
const std::string& Home();  // of this daemon: what stands behind --dir
void SetHome(std::string dir);

// One word of the first masked lanes is another than it was masked to be, or the weight is.
// `changed` is not empty then: the digest that the liar states is that of what it sends.
void ChangeThePayload(std::string_view payload, Bytes& changed);
// The weight that goes with it, as the liar states it in its check value.
void StandByTheWeight(Bytes& scalars);
// The planes of a sum are a byte too long.
void StretchThePlanes(std::string_view planes, Bytes& changed);
// At a site: it submits, under its own name and key, what another did that its copy of the record
// has of the same attempt.
void CopyAnother(Bytes& submission);
// At a site: what it would check the sum by is gone.
void LoseTheLanes(std::string_view point, std::string_view);

}  // namespace dure::lying
