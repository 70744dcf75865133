// A storage client (StorVSC): SCSI commands to one disk over a VMBus channel (spec D.1).
#pragma once

#include "machine.h"

#define BLOCK_SIZE 512u
#define MAX_REQUESTS 8u /* outstanding at a time */
#define MAX_BLOCKS 64u  /* per request */

enum storage_operation { STORAGE_READ, STORAGE_WRITE, STORAGE_FLUSH };

struct storage_request {
  enum storage_operation operation;
  u64 block;
  u32 blocks;
  u8* data;      ///< MAX_BLOCKS blocks of page-aligned memory that belong to this request
  u64 sequence;  ///< the user's own note
  bool done;     ///< storage_poll has seen its completion
  bool in_use;
};

/// Finds the first disk, shakes hands with the host and reads its size. False when no disk is
/// offered.
bool storage_set_up(void);
/// For programs that are built with DISKS_MAY_GO: disk 0 has been taken out. Requests that find it
/// gone are done without having done anything.
bool storage_gone(void);
/// Looks again, if the host has said that something is different. True when there is a disk.
bool storage_find_again(void);
u64 storage_blocks(void);
u32 storage_version(void);

/// Takes a free request, or NULL when all are in use. Fill it in and submit it.
struct storage_request* storage_take(void);
/// False when the ring has no room; try again later.
bool storage_submit(struct storage_request* request);
void storage_release(struct storage_request* request);
u32 storage_outstanding(void);
/// A request that is done, in no particular order, or NULL. Look at it, then release it.
struct storage_request* storage_finished(void);

/// Handles completions that have come; true when there were any. A command that failed is a panic:
/// these guests have nothing better to do with a broken disk.
bool storage_poll(void);
