#include "disk_work.h"

#include "../pattern.h"
#include "console.h"
#include "storage.h"

static struct {
  struct disk_work_plan plan;
  u64 slots;  ///< places for a write
  enum { WRITING, FLUSHING, VERIFYING } state;
  u64 sequence;  ///< writes submitted
  u64 flushed;   ///< writes that a finished flush covers
  u32 in_group;  ///< writes submitted since the last flush
  u64 next_write;
  u64 choice;
  u64 flushes, verified;
  bool finishing;
} work;

u64 disk_work_writes(void) { return work.sequence; }
u64 disk_work_flushes(void) { return work.flushes; }
u64 disk_work_verified(void) { return work.verified; }

void disk_work_set_up(const struct disk_work_plan* plan, u64 now) {
  work.plan = *plan;
  u64 disk = storage_blocks();
  if (plan->first_block >= disk) panic_value("the disk ends before block", plan->first_block);
  if (plan->blocks == 0 || plan->blocks > disk - plan->first_block) {
    work.plan.blocks = disk - plan->first_block;
  }
  if (plan->blocks_per_write == 0 || plan->blocks_per_write > MAX_BLOCKS) {
    panic_value("blocks per write must be 1 to 64, not", plan->blocks_per_write);
  }
  work.slots = work.plan.blocks / plan->blocks_per_write;
  // Two writes of one group never meet: their order of completion would decide what stays.
  if (work.slots < plan->flush_every) panic("the disk range is too small for a group of writes");
  work.choice = pattern_check(plan->seed, work.slots) | 1;
  work.next_write = now + plan->interval;
}

static u64 block_of(u64 sequence) {
  return work.plan.first_block + pattern_slot_of(sequence, work.slots) * work.plan.blocks_per_write;
}

/// False when the ring is full; whoever calls tries again.
static bool submit(enum storage_operation operation, u64 sequence) {
  struct storage_request* request = storage_take();
  if (request == NULL) return false;
  bool moves_data = operation != STORAGE_FLUSH;
  request->operation = operation;
  request->sequence = sequence;
  request->block = moves_data ? block_of(sequence) : 0;
  request->blocks = moves_data ? work.plan.blocks_per_write : 0;
  for (u32 i = 0; operation == STORAGE_WRITE && i < request->blocks; ++i) {
    pattern_block_fill((u64*)(request->data + i * BLOCK_SIZE), sequence, request->block + i);
  }
  if (storage_submit(request)) return true;
  storage_release(request);
  return false;
}

static bool write_if_due(u64 now) {
  if (work.finishing || work.in_group == work.plan.flush_every || now < work.next_write)
    return false;
  if (!submit(STORAGE_WRITE, work.sequence + 1)) return false;
  ++work.sequence;
  ++work.in_group;
  work.next_write += work.plan.interval;
  if (work.next_write < now) work.next_write = now;  // a slow disk is not made up for
  return true;
}

static bool flush_if_due(void) {
  bool due = work.in_group == work.plan.flush_every || (work.finishing && work.in_group != 0);
  // A flush covers what was completed before it was issued, so the group must be complete.
  if (!due || storage_outstanding() != 0 || !submit(STORAGE_FLUSH, work.sequence)) return false;
  work.state = FLUSHING;
  return true;
}

static bool read_back(void) {
  work.choice = pattern_step(work.choice);
  u64 oldest = work.flushed > work.slots ? work.flushed - work.slots + 1 : 1;
  u64 sequence = oldest + work.choice % (work.flushed - oldest + 1);
  if (!submit(STORAGE_READ, sequence)) return false;
  work.state = VERIFYING;
  return true;
}

static void verify(const struct storage_request* request) {
  for (u32 i = 0; i < request->blocks; ++i) {
    const u64* words = (const u64*)(request->data + i * BLOCK_SIZE);
    if (pattern_block_holds(words, request->sequence, request->block + i)) continue;
    print_value("disk block is wrong:", request->block + i);
    print_value("  sequence expected:", request->sequence);
    print_value("  sequence found:", words[1]);
    panic("disk corruption");
  }
  ++work.verified;
}

static void finished(struct storage_request* request) {
  switch (request->operation) {
    case STORAGE_WRITE:
      break;
    case STORAGE_FLUSH:
      work.flushed = request->sequence;
      ++work.flushes;
      work.in_group = 0;
      break;
    case STORAGE_READ:
      verify(request);
      work.state = WRITING;
      break;
  }
}

bool disk_work_poll(u64 now) {
  bool any = false;
  for (struct storage_request* request; (request = storage_finished()) != NULL; any = true) {
    finished(request);
    storage_release(request);
  }
  switch (work.state) {
    case WRITING:
      return write_if_due(now) || flush_if_due() || any;
    case FLUSHING:
      return (work.in_group == 0 && read_back()) || any;
    case VERIFYING:
      return any;
  }
  return any;
}

u64 disk_work_due(void) {
  // In every other state only a completion can move things on, and that wakes the processor.
  bool waits_for_time =
      work.state == WRITING && work.in_group < work.plan.flush_every && !work.finishing;
  return waits_for_time && storage_outstanding() < MAX_REQUESTS ? work.next_write : ~0ull;
}

bool disk_work_finish(void) {
  work.finishing = true;
  return work.state == WRITING && work.in_group == 0 && storage_outstanding() == 0;
}

#ifdef DISKS_MAY_GO
void disk_work_go_on(void) { work.finishing = false; }

bool disk_work_drop(void) {
  for (struct storage_request* request; (request = storage_finished()) != NULL;) {
    storage_release(request);
  }
  if (storage_outstanding() != 0) return false;
  memset(&work, 0, sizeof work);
  return true;
}
#endif
