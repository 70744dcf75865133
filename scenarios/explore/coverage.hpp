// What a run reached: the states that its protocols were in, taken together, and the points of
// trouble that fired. Exploration goes on from runs that reached something new.
//
// A protocol state is small on purpose: phases, partition, channel and disk states of one VM at the
// two ends of its migration, and what became of both ends and of the network, each abstracted to a
// few values. So there are thousands of them and not one per run.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "traces/record.hpp"

namespace scenarios {

class Coverage final : public traces::Observer {
 public:
  static traces::EventSet events();
  void on_event(const traces::Event& event) override;

  /// Hashes of the states that were seen, sorted. The same in every build.
  std::vector<std::uint64_t> states() const;
  /// Buggify and sometimes points that fired, sorted.
  std::vector<std::string> points() const;

 private:
  /// One VM on one host.
  struct Side {
    std::uint8_t phase = 0;      ///< 1 + MigrationPhase
    std::uint8_t outcome = 0;    ///< 1 + MigrationOutcome
    std::uint8_t commit = 0;     ///< 1 + CommitStep
    std::uint16_t vm_state = 0;  ///< low bits of VmState
    std::uint8_t partition = 0;  ///< 1 + PartitionState
    std::uint64_t partition_id = 0;
    std::map<std::uint32_t, std::uint8_t> channels;  ///< relid -> ChannelState
  };
  struct Vm {
    std::uint32_t source = 0, target = 0;  ///< nodes of the latest migration
    std::map<std::uint32_t, Side> sides;   ///< by node
    std::uint64_t verbs = 0;               ///< hash of the kinds of jobs under way
  };
  enum class NodeState : std::uint8_t { Up, Paused, Down };
  struct Node {
    NodeState state = NodeState::Up;
    std::uint32_t open_disks = 0;
  };

  bool migration(const traces::Event& event);
  bool machine(const traces::Event& event);
  bool world(const traces::Event& event);
  Side* side_of(std::uint32_t node, std::uint64_t partition);
  void note(std::uint32_t vm);
  std::uint64_t state_of(const Vm& vm) const;
  std::uint64_t end_of(const Vm& vm, std::uint32_t node) const;

  std::map<std::uint32_t, Vm> vms_;
  std::map<std::uint32_t, Node> nodes_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> vm_of_;  ///< (node, partition)
  std::map<std::uint64_t, std::pair<std::uint32_t, std::uint64_t>> jobs_;   ///< job -> VM, verb
  std::set<std::string, std::less<>> cut_;                                  ///< link directions
  std::set<std::string, std::less<>> points_;
  mutable std::vector<std::uint64_t> states_;
  std::uint64_t last_ = 0;
};

}  // namespace scenarios
