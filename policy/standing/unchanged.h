// Whether a decision about data still comes out as it was recorded, told without making it again. A
// round's data is asked about when it is admitted, when its round opens and when its contribution
// comes, and nearly always nothing has happened between that the answer hangs on. Inside this room
// only.
#pragma once

#include "policy/standing/standing.h"

namespace dure::standing {

// The admission admitted, nothing that it hangs on was recorded since, and no moment has passed at
// which time alone could have changed it. False is no answer: then it is decided again.
bool SurelyStillHolds(const Standing& now, const RoundAttempt& at, const Admission& admission,
                      rules::Instant moment);

}  // namespace dure::standing
