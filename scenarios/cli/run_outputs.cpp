#include "scenarios/cli/run_outputs.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "fault-injection/catalogue.hpp"
#include "scenarios/cli/whole_file.hpp"
#include "scenarios/language/reader.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/packet_capture.hpp"

namespace cli {

namespace {

constexpr const char* kDiskImages = "--disk-images";
constexpr const char* kPcap = "--pcap";
/// Holes in files come in blocks of this size.
constexpr std::size_t kHoleBytes = 4096;

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

std::string image_path(const std::string& folder, const scenarios::StorageSpec& disk) {
  return folder + "/" + disk.name + ".raw";
}

std::string capture_path(const std::string& folder, const std::string& nic) {
  return folder + "/" + nic + ".pcapng";
}

}  // namespace

/// A file for each adapter, written while the world runs.
class RunOutputs::Capture final : public traces::PacketCapture {
 public:
  explicit Capture(std::string folder) : folder_(std::move(folder)) {}

  void finish() {
    for (auto& [name, nic] : files_) nic.file->finish();
  }

 private:
  struct NicFile {
    std::unique_ptr<WholeFile> file;
    std::unique_ptr<traces::PcapngWriter> writer;
  };

  void on_nic(const traces::CapturedNic& nic) override {
    NicFile& out = files_[nic.name()];
    out.file = std::make_unique<WholeFile>(kPcap, capture_path(folder_, nic.name()));
    out.writer = std::make_unique<traces::PcapngWriter>(
        [file = out.file.get()](std::span<const std::byte> block) { file->append(block); },
        "hvsim");
    out.writer->add(interface_of(nic));
  }

  void on_frame(const traces::CapturedNic& nic, traces::Time time,
                traces::PacketDirection direction, std::span<const std::byte> data,
                std::string_view comment) override {
    files_.at(nic.name()).writer->add(traces::PcapngPacket{0, time, direction, data, comment});
  }

  std::string folder_;
  std::map<std::string, NicFile> files_;
};

/// A file for each disk, written when the world has ended.
class RunOutputs::Images {
 public:
  explicit Images(std::string folder) : folder_(std::move(folder)) {}

  void write(const scenarios::Scenario& scenario, faults::Field& world) {
    for (const scenarios::StorageSpec& spec : scenario.storage) {
      files_.push_back(std::make_unique<WholeFile>(kDiskImages, image_path(folder_, spec)));
      write(*files_.back(), *world.storage(spec.name));
    }
  }

  void finish() {
    for (const auto& file : files_) file->finish();
  }

 private:
  static void write(WholeFile& file, const sim::SharedDisk& disk) {
    std::uint64_t at = 0;
    disk.for_each_written([&](sim::Lba lba, std::span<const std::byte> data) {
      file.skip(lba.value * sim::kSectorSize - at);
      at = lba.value * sim::kSectorSize + data.size();
      while (!data.empty()) {
        const auto block = data.first(std::min(data.size(), kHoleBytes));
        if (all_zero(block)) {
          file.skip(block.size());
        } else {
          file.append(block);
        }
        data = data.subspan(block.size());
      }
    });
    file.skip(disk.config().sectors * sim::kSectorSize - at);
  }

  std::string folder_;
  std::vector<std::unique_ptr<WholeFile>> files_;
};

RunOutputs::RunOutputs(std::optional<std::string> disk_images, std::optional<std::string> pcap)
    : disk_images_(std::move(disk_images)), pcap_(std::move(pcap)) {}

RunOutputs::~RunOutputs() = default;

void RunOutputs::prepare(const scenarios::Scenario& scenario, scenarios::RunOptions& options) {
  if (disk_images_) {
    if (scenario.storage.empty()) {
      throw scenarios::UserError(kDiskImages + std::string(": ") + scenario.file +
                                 " has no disks in `storage`");
    }
    require_folder(kDiskImages, *disk_images_);
    for (const auto& disk : scenario.storage) {
      require_place(kDiskImages, image_path(*disk_images_, disk));
    }
    images_ = std::make_unique<Images>(*disk_images_);
    options.ended = [this, &scenario](scenarios::Simulation& world) {
      images_->write(scenario, world);
    };
  }
  if (!pcap_) return;
  if (!options.detail) {
    throw scenarios::UserError(
        "--pcap: frames are detail, which --no-detail leaves out; give one of them");
  }
  std::vector<std::string> nics;
  for (const scenarios::VmSpec& vm : scenario.vms) {
    for (std::size_t index = 0; index < vm.nics.size(); ++index) {
      nics.push_back(vm.name + "." + std::to_string(index));
    }
  }
  if (nics.empty()) {
    throw scenarios::UserError(kPcap + std::string(": no VM of ") + scenario.file +
                               " has a network adapter (`nics`)");
  }
  require_folder(kPcap, *pcap_);
  for (const std::string& nic : nics) require_place(kPcap, capture_path(*pcap_, nic));
  capture_ = std::make_unique<Capture>(*pcap_);
  options.prepare = [this](scenarios::Simulation& world) {
    world.recorder().attach(*capture_, Capture::events());
  };
}

void RunOutputs::finish() {
  if (images_ != nullptr) images_->finish();
  if (capture_ != nullptr) capture_->finish();
}

}  // namespace cli
