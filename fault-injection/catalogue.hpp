// The faults that a scenario can name: what each hits, what it does, whether it can be taken back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fault-injection/plan.hpp"
#include "hypervisor/management/installation.hpp"
#include "sim/disk/shared_disk.hpp"
#include "sim/kernel/world.hpp"
#include "sim/net/network.hpp"

namespace faults {

enum class Target : std::uint8_t { Host, Network, Storage, Vm };

/// Faults are enabled and budgeted by class.
enum class Class : std::uint8_t { Network, Storage, Host, Guest, Operator };
constexpr const char* name_of(Class kind) {
  constexpr const char* kNames[] = {"network", "storage", "host", "guest", "operator"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// Unit of a fault's magnitude, which a scenario writes as `by`.
enum class Amount : std::uint8_t {
  None,
  Chance,    ///< millionths; written as a percentage
  Duration,  ///< nanoseconds
  Rate,      ///< bits per second
  Size,      ///< bytes
  Count,
};

/// What a fault may touch. The wiring of the world implements it.
class Field {
 public:
  virtual ~Field() = default;
  virtual sim::World& world() = 0;
  virtual sim::Network& network() = 0;
  /// Links of a network, one per host on it.
  virtual std::vector<std::string> links_of(std::string_view network) = 0;
  virtual std::vector<std::string> hosts_of(std::string_view network) = 0;
  /// The link that connects a host to a network.
  virtual std::string link_of(std::string_view network, std::string_view host) = 0;
  virtual sim::Node* host(std::string_view name) = 0;
  virtual sim::SharedDisk* storage(std::string_view name) = 0;
  /// The disk in a host that its own records are on.
  virtual sim::SharedDisk* system_disk(std::string_view host) = 0;
  /// Where what goes on by itself (a link that flaps) has its tasks. Outlives every fault.
  virtual sim::Node& actor() = 0;
  /// Number of a VM in the installation, 0 when there is none.
  virtual std::uint32_t vm(std::string_view name) = 0;
  virtual management::Installation& installation() = 0;
};

/// One strike of a fault: where, for one-way faults whose frames, and how much. Roles are resolved
/// by then.
struct Strike {
  std::string target;
  std::string from;
  std::string to;
  std::int64_t amount = 0;
  std::uint64_t number = 0;  ///< of the strike in its world: what is taken back is this one
};

/// What a fault's magnitude may be, and what it is when nobody says. A planner draws from low to
/// high, evenly over the logarithm.
struct Magnitude {
  Amount unit = Amount::None;
  std::int64_t low = 0, high = 0, normal = 0;
};

struct Fault {
  const char* name;
  Class kind;
  Target target;
  bool one_way = false;     ///< takes `from: HOST`
  bool pair = false;        ///< needs `from: HOST` and `to: HOST`
  bool reversible = false;  ///< takes `lasts: DURATION`
  bool hosts_down = false;  ///< its target, a host, is dead or stands still while it lasts
  /// Breaks what nearly every scenario promises: acknowledged data is lost, a guest's disk fails, a
  /// guest ends or stands still. Planned only when a budget asks for it by name.
  bool destructive = false;
  /// Guests execute other instructions because of it, and a twin cannot be given the same.
  bool untwinned = false;
  Magnitude magnitude{};
  const char* what;
  void (*apply)(Field& field, const Strike& strike);
  void (*undo)(Field& field, const Strike& strike) = nullptr;  ///< exactly when reversible
  /// False when there is nothing to strike at this moment (no migration that could be cancelled);
  /// nullptr: there always is.
  bool (*possible)(Field& field, const Strike& strike) = nullptr;
};

/// A name that stands for a target which only the moment decides, such as `migration-target`.
struct Role {
  const char* name;
  Target target;
  const char* what;
  /// Empty when nobody plays the role at this moment: then the fault does not strike.
  std::string (*resolve)(Field& field);
};
const std::vector<Role>& roles();
const Role* find_role(std::string_view name);

/// Every fault of every folder, in the order of class and name.
const std::vector<Fault>& catalogue();
const Fault* find(std::string_view name);
/// Applies and emits fault.fired.
void apply(const Fault& fault, Field& field, const Strike& strike);
void undo(const Fault& fault, Field& field, const Strike& strike);

}  // namespace faults
