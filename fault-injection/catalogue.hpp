// The faults that a scenario can name: what each hits, what it does, whether it can be taken back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/world.hpp"
#include "sim/net/network.hpp"

namespace faults {

enum class Target : std::uint8_t { Host, Network, Storage };

/// What a fault may touch. The wiring of the world implements it.
class Field {
 public:
  virtual ~Field() = default;
  virtual sim::World& world() = 0;
  virtual sim::Network& network() = 0;
  /// Links of a network, one per host on it.
  virtual std::vector<std::string> links_of(std::string_view network) = 0;
  /// The link that connects a host to a network.
  virtual std::string link_of(std::string_view network, std::string_view host) = 0;
  virtual sim::Node* host(std::string_view name) = 0;
  virtual sim::SharedDisk* storage(std::string_view name) = 0;
};

/// One strike of a fault: where, and for one-way faults whose frames.
struct Strike {
  std::string target;
  std::string from;
};

struct Fault {
  const char* name;
  Target target;
  bool one_way;     ///< takes `from: HOST`
  bool reversible;  ///< takes `lasts: DURATION`
  const char* what;
  void (*apply)(Field& field, const Strike& strike);
  void (*undo)(Field& field, const Strike& strike);  ///< nullptr unless reversible
};

const std::vector<Fault>& catalogue();
const Fault* find(std::string_view name);
/// Applies and emits fault.fired.
void apply(const Fault& fault, Field& field, const Strike& strike);
void undo(const Fault& fault, Field& field, const Strike& strike);

}  // namespace faults
