// What `hvsim run` leaves for other programs to look at: the disks as raw images, and what passed
// the network adapters as pcapng files.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/language/scenario.hpp"
#include "scenarios/runner/run.hpp"

namespace cli {

/// Of one run. Files appear whole, once the run is over.
class RunOutputs {
 public:
  /// Folders; what is not given is not written.
  RunOutputs(std::optional<std::string> disk_images, std::optional<std::string> pcap);
  ~RunOutputs();

  bool wanted() const { return disk_images_ || pcap_; }
  /// Refuses what could not be written and makes the folders. The hooks that it leaves in
  /// `options` live as long as this. Throws UserError.
  void prepare(const scenarios::Scenario& scenario, scenarios::RunOptions& options);
  /// After the run. Throws UserError.
  void finish();

 private:
  class Capture;
  class Images;
  std::optional<std::string> disk_images_, pcap_;
  std::unique_ptr<Capture> capture_;
  std::unique_ptr<Images> images_;
};

}  // namespace cli
