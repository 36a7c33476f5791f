// Signals that files send to processes of the box.
#pragma once

#include "fs/async_signals.hpp"

namespace tine::process {

class Kernel;

/// Owned by its kernel.
class FileSignals final : public fs::AsyncSender {
public:
  explicit FileSignals(Kernel &kernel) : kernel_(kernel) {}
  void send(const fs::AsyncOwner &owner, const fs::AsyncEvent &event) override;
  [[nodiscard]] Nanoseconds lease_break_time() const override;

private:
  Kernel &kernel_;
};

} // namespace tine::process
