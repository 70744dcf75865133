// What each live migration cost: for how long the VM was gone as its processors, its network
// adapters and its clients saw it, and what each part of that time was spent on. A function of the
// event stream alone, so a stored trace tells the same.
//
//   the client's last frame from the VM ... stop | last pages | state | handover | commit | runs
//   again ... the client's next frame from the VM
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "traces/record.hpp"

namespace scenarios {

/// A part of an absence, with its cause.
struct AbsencePart {
  std::string cause;
  traces::Duration took{};
  bool idle = false;  ///< nobody waited for the VM: what passed is not the migration's doing
};

/// One party's view: nothing of the VM between two instants. The parts add up to the whole.
struct Absence {
  std::string who;  ///< "processors", "network adapter", or the client VM's name
  traces::Time from{};
  traces::Duration took{};
  std::vector<AbsencePart> parts;  ///< in the order in which their causes first applied

  /// Without the idle parts: for how long who looks was kept waiting.
  traces::Duration waited() const;
};

/// One suspension of a VM by a live migration.
struct Move {
  std::uint64_t job = 0;
  std::string vm;
  std::string from, to;       ///< hosts
  traces::Time asked{};       ///< the migration was admitted
  traces::Time stopped{};     ///< its processors stopped
  bool runs_again = false;    ///< its processors do, on one of the two
  bool completed = false;     ///< and at the target
  std::uint32_t lost = 0;     ///< frames between it and its clients that were lost meanwhile
  std::vector<Absence> seen;  ///< processors first, then its adapters, then its clients
};

/// Collects moves from events. Views of adapters and clients need level 1 events; a client is a VM
/// that had frames of the moved one before it stopped and gets further ones afterwards.
class Moves final : public traces::Observer {
 public:
  Moves();
  ~Moves() override;
  static traces::EventSet events();
  void on_event(const traces::Event& event) override;
  /// In the order in which the VMs stopped. A view that had not ended by now is left out.
  std::vector<Move> conclude() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// For people: a line for each move and one for each view of it. Empty without moves.
std::string text_of(const std::vector<Move>& moves);

}  // namespace scenarios
