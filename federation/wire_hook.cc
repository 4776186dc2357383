#include "federation/wire_hook.h"

#include <atomic>

namespace dure {
namespace {

std::atomic<WireHook> installed_wire = nullptr;

}  // namespace

void PassWire(std::string_view place, std::string_view whom, Bytes& bytes) {
  if (const WireHook hook = installed_wire.load(std::memory_order_relaxed))
    hook(place, whom, bytes);
}

void SetWireHook(WireHook hook) { installed_wire = hook; }

}  // namespace dure
