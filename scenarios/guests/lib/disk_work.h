// A disk that is written in a stated pattern: a group of writes, then a flush, then an earlier
// block is read back and compared. pattern.h says which write goes where.
#pragma once

#include "machine.h"

struct disk_work_plan {
  u64 first_block;
  u64 blocks;    ///< 0: up to the end of the disk
  u64 interval;  ///< reference time between two writes
  u32 blocks_per_write;
  u32 flush_every;
  u64 seed;
};

/// Panics when the plan does not fit the disk.
void disk_work_set_up(const struct disk_work_plan* plan, u64 now);
/// Does what is due; true when that was anything.
bool disk_work_poll(u64 now);
/// When disk_work_poll should be called again even if nothing completes.
u64 disk_work_due(void);
/// No further group of writes is begun. True once nothing is outstanding or unflushed.
bool disk_work_finish(void);

// For programs that are built with DISKS_MAY_GO.

/// Writes again after disk_work_finish().
void disk_work_go_on(void);
/// The disk is gone: forgets what was written. True once nothing is outstanding; then
/// disk_work_set_up() may begin anew.
bool disk_work_drop(void);

u64 disk_work_writes(void);
u64 disk_work_flushes(void);
u64 disk_work_verified(void);
