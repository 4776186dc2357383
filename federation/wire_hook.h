// WireHook: a named place at which a test that plays a liar changes the bytes that leave a daemon.
//
// In production nothing listens and a place costs one load. The end-to-end tests install a hook in
// programs of their own, to see that honest peers notice what a dishonest one says.
#pragma once

#include <string_view>

#include "federation/bytes.h"

namespace dure {

// May change `bytes`; empty, they are not sent. `whom` they are for.
using WireHook = void (*)(std::string_view place, std::string_view whom, Bytes& bytes);

// Thread-safe. The hook is called on the thread that passes the place.
void PassWire(std::string_view place, std::string_view whom, Bytes& bytes);

// Once, before any other thread runs.
void SetWireHook(WireHook hook);

}  // namespace dure
