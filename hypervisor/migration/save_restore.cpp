#include "hypervisor/migration/save_restore.hpp"

namespace migration {

SavedVm save_vm(const WorkerProcess& worker) {
  SavedVm saved;
  saved.config = worker.config();
  saved.at = worker.partition().node().now();
  saved.devices = worker.save();
  saved.memory = worker.memory().export_pages(worker.memory().populated());
  saved.witness.memory = worker.memory().digest(&saved.witness.pages);
  return saved;
}

bool restore_vm(const SavedVm& saved, WorkerProcess& worker) {
  sim::GuestMemory& memory = worker.memory();
  if (!memory.fits(saved.memory)) return false;
  memory.import_pages(saved.memory);
  std::uint64_t pages = 0;
  const traces::Digest digest = memory.digest(&pages);
  return digest == saved.witness.memory && pages == saved.witness.pages &&
         worker.restore(saved.devices);
}

}  // namespace migration
