// The console of a model guest: the ports that every guest has, the way a program uses them.
#pragma once

#include <cstdint>
#include <string_view>

#include "hypervisor/core/partition.hpp"

namespace guests {

class Console {
 public:
  explicit Console(hv::Partition& partition) : partition_(partition) {}

  void line(std::string_view text);
  void value(std::string_view text, std::uint64_t value);
  /// The guest found something wrong: it says so and ends. Whoever calls must return at once.
  void panic(std::string_view text);
  void panic(std::string_view text, std::uint64_t value);
  /// The guest ends: 0 as it should be, anything else a failure.
  void exit(std::uint32_t code);
  bool ended() const { return ended_; }
  void set_ended(bool ended) { ended_ = ended; }

 private:
  void put(std::string_view text);

  hv::Partition& partition_;
  bool ended_ = false;
};

}  // namespace guests
