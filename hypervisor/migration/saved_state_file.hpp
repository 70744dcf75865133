// The file of a saved VM: a container of sections, each with a version of its own, every byte under
// a checksum. docs/saved-state.md has the layout and the rule of upgrades.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypervisor/migration/saved_vm.hpp"
#include "traces/events.hpp"

namespace migration {

inline constexpr std::uint32_t kSavedStateVersion = 1;  ///< of the container

/// The file. `origin` says what the state was made from; its meaning is its maker's.
std::vector<std::byte> saved_state_file(const SavedVm& vm, traces::Digest origin);

/// Reads such a file, which nobody vouches for: first what it says about itself, then, once the
/// caller has decided that this is the VM it wants, all of it. No length is believed.
class SavedStateReader {
 public:
  /// Checks the container and reads the configuration. `file` must outlive the reader.
  explicit SavedStateReader(std::span<const std::byte> file);
  ~SavedStateReader();
  SavedStateReader(const SavedStateReader&) = delete;

  /// Empty while all is in order; else what is wrong, as the end of a sentence about the file.
  const std::string& problem() const { return problem_; }
  const VmConfig& config() const { return vm_.config; }
  traces::Digest origin() const { return origin_; }
  /// Over the uncompressed content of all sections: equal states have equal digests, whichever
  /// library compressed them.
  traces::Digest content() const { return content_; }

  /// The whole state; nullopt and a problem() when something of it is not what can be. Once.
  std::optional<SavedVm> read();

 private:
  struct Section;
  bool open();
  bool read_table();
  bool take(Section section);
  bool read_config();
  bool read_summary();
  bool read_memory();
  bool read_disks();
  bool content_matches();
  bool unpack(Section& section, std::uint64_t most);
  bool fail(std::string problem);
  Section* find(std::uint32_t kind);

  std::span<const std::byte> file_;
  std::string problem_;
  std::vector<Section> sections_;
  traces::Digest origin_{};
  traces::Digest content_{};
  SavedVm vm_;
};

}  // namespace migration
