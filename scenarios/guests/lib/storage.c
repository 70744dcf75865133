#include "storage.h"

#include "console.h"
#include "interrupts.h"
#include "vmbus.h"

enum {
  VSTOR_COMPLETE_IO = 1,
  VSTOR_EXECUTE_SRB = 3,
  VSTOR_BEGIN_INITIALIZATION = 7,
  VSTOR_END_INITIALIZATION = 8,
  VSTOR_QUERY_PROTOCOL_VERSION = 9,
  VSTOR_QUERY_PROPERTIES = 10,
  VSTOR_WANTS_COMPLETION = 1,

  SRB_SUCCESS = 1,
  SRB_INVALID_LUN = 0x20,
  SRB_STATUS_MASK = 0x3F,  // without "autosense valid" and "queue frozen"
  SCSI_CHECK_CONDITION = 2,
  SCSI_BUSY = 8,
  SENSE_UNIT_ATTENTION = 6,
  DATA_OUT = 0,
  DATA_IN = 1,
  DATA_NONE = 2,

  INQUIRY = 0x12,
  READ_CAPACITY_10 = 0x25,
  READ_10 = 0x28,
  WRITE_10 = 0x2A,
  SYNCHRONIZE_CACHE_10 = 0x35,

  RING_PAGES = 32,  // 16 per direction; more than one GPADL message can describe
};

struct __attribute__((packed)) scsi_request {
  u16 length;
  u8 srb_status, scsi_status;
  u8 port, path, target, lun;
  u8 cdb_length, sense_length, data_in, reserved;
  u32 data_bytes;
  u8 cdb[20];  // sense data on the way back
  u16 reserve;
  u8 queue_tag, queue_action;
  u32 srb_flags, time_out, queue_sort_key;
};
_Static_assert(sizeof(struct scsi_request) == 52, "spec D.1, layout from version 5.1 on");

struct __attribute__((packed)) vstor_packet {
  u32 operation, flags, status;
  union {
    struct scsi_request srb;
    struct {
      u16 version, revision;
    } protocol;
    struct {
      u32 reserved;
      u16 max_channels, reserved2;
      u32 flags, max_transfer;
    } properties;
  };
};
_Static_assert(sizeof(struct vstor_packet) == 64, "spec D.1");

static const struct guid scsi_interface = {
    0xba6163d9, 0x04a1, 0x4d29, {0xb6, 0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f}};
/// Newest first, as with VMBus itself.
static const u16 protocol_versions[] = {0x0602, 0x0600, 0x0501, 0x0402, 0x0200};

/// Transaction ids: the slot in the low byte, a running number above it, so that no id comes twice
/// while an old one could still be answered. Set-up uses slot SETUP.
enum { SETUP = 0xFF };

static u8 ring_pages[RING_PAGES][PAGE_SIZE] PAGE_ALIGNED;
static u8 buffers[MAX_REQUESTS][MAX_BLOCKS * BLOCK_SIZE] PAGE_ALIGNED;
static u8 setup_buffer[PAGE_SIZE] PAGE_ALIGNED;

static struct {
  struct channel* channel;
  u16 version;
  u64 blocks;
  u64 transactions;
  u64 setup_transaction;
  bool setup_done;
  struct vstor_packet setup_answer;
  struct storage_request requests[MAX_REQUESTS];
  u64 transaction_of[MAX_REQUESTS];  // 0: not outstanding
  bool again[MAX_REQUESTS];          // refused for now: to be submitted once more
#ifdef DISKS_MAY_GO
  bool gone, changed;
#endif
  u32 outstanding;
} disk;

u64 storage_blocks(void) { return disk.blocks; }
u32 storage_version(void) { return disk.version; }
u32 storage_outstanding(void) { return disk.outstanding; }

static void put_big_endian(u8* to, u64 value, u32 bytes) {
  while (bytes) {
    to[--bytes] = (u8)value;
    value >>= 8;
  }
}

static u64 get_big_endian(const u8* from, u32 bytes) {
  u64 value = 0;
  for (u32 i = 0; i < bytes; ++i) value = value << 8 | from[i];
  return value;
}

/// Up to version 4.2 an SRB ends with the command.
static u32 srb_bytes(void) {
  enum { SHORT_SRB = 36, VERSION_4_2 = 0x0402 };
  return disk.version <= VERSION_4_2 ? SHORT_SRB : sizeof(struct scsi_request);
}

static u64 new_transaction(u32 slot) { return ++disk.transactions << 8 | slot; }

/// Data does not travel in the ring: the packet names the guest's pages and the host's disk stack
/// reads or writes them in place.
static bool send_srb(struct vstor_packet* packet, u64 transaction, const void* data, u32 bytes) {
  struct {
    struct gpa_direct_range range;
    u64 pfns[MAX_BLOCKS * BLOCK_SIZE / PAGE_SIZE];
  } direct;
  u32 pages = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
  direct.range.reserved = 0;
  direct.range.range_count = 1;
  direct.range.bytes = bytes;
  direct.range.offset = 0;
  for (u32 i = 0; i < pages; ++i) direct.pfns[i] = (u64)data / PAGE_SIZE + i;

  packet->operation = VSTOR_EXECUTE_SRB;
  packet->flags = VSTOR_WANTS_COMPLETION;
  packet->srb.length = srb_bytes();
  packet->srb.sense_length = 20;
  packet->srb.data_bytes = bytes;
  return channel_send(disk.channel, bytes ? PACKET_GPA_DIRECT : PACKET_INBAND,
                      PACKET_WANTS_COMPLETION, transaction, &direct,
                      bytes ? sizeof direct.range + 8 * pages : 0, packet,
                      sizeof *packet - sizeof packet->srb + srb_bytes());
}

/// The device has done nothing and wants to be asked again: it is busy, or it tells of something
/// that happened to it before it takes the next command (SPC-3 5.9.7).
static bool wants_another_try(const struct vstor_packet* answer) {
  if (answer->srb.scsi_status == SCSI_BUSY) return true;
  return answer->srb.scsi_status == SCSI_CHECK_CONDITION && answer->srb.sense_length > 2 &&
         (answer->srb.cdb[2] & 0x0F) == SENSE_UNIT_ATTENTION;
}

static void finish_request(u32 slot, const struct vstor_packet* answer) {
  struct storage_request* request = &disk.requests[slot];
  if (answer->operation != VSTOR_COMPLETE_IO) panic_value("completion says", answer->operation);
  if (wants_another_try(answer)) {
    disk.transaction_of[slot] = 0;
    --disk.outstanding;
    disk.again[slot] = true;
    return;
  }
#ifdef DISKS_MAY_GO
  if ((answer->srb.srb_status & SRB_STATUS_MASK) == SRB_INVALID_LUN) {
    disk.gone = true;
    disk.transaction_of[slot] = 0;
    --disk.outstanding;
    request->done = true;
    return;
  }
#endif
  if ((answer->srb.srb_status & SRB_STATUS_MASK) != SRB_SUCCESS || answer->srb.scsi_status != 0) {
    print_value("disk command failed, block", request->block);
    panic_value("SRB and SCSI status", (u64)answer->srb.srb_status << 8 | answer->srb.scsi_status);
  }
  if (answer->srb.data_bytes != request->blocks * BLOCK_SIZE) {
    panic_value("the disk moved another number of bytes:", answer->srb.data_bytes);
  }
  disk.transaction_of[slot] = 0;
  --disk.outstanding;
  request->done = true;
}

static void on_packet(const struct packet_descriptor* packet, const void* payload, u32 bytes) {
  // Packets that the host begins have type in-band: a disk came or went. A program whose disks stay
  // does not care.
#ifdef DISKS_MAY_GO
  if (packet->type == PACKET_INBAND) disk.changed = true;
#endif
  if (packet->type != PACKET_COMPLETION) return;
  if (bytes < sizeof(struct vstor_packet)) panic_value("a short storage completion:", bytes);
  const struct vstor_packet* answer = payload;
  u32 slot = packet->transaction & 0xFF;
  if (packet->transaction == disk.setup_transaction && !disk.setup_done) {
    disk.setup_answer = *answer;
    disk.setup_done = true;
  } else if (slot < MAX_REQUESTS && disk.transaction_of[slot] == packet->transaction) {
    finish_request(slot, answer);
  } else {
    panic_value("a completion that nobody asked for, transaction", packet->transaction);
  }
}

bool storage_poll(void) {
  if (disk.channel == NULL || !disk.channel->signalled) return false;
  channel_drain(disk.channel, on_packet);
  // There is room: each of these has just left the ring, and no other has come.
  for (u32 i = 0; i < MAX_REQUESTS; ++i) {
    if (disk.again[i] && storage_submit(&disk.requests[i])) disk.again[i] = false;
  }
  return true;
}

static void await_setup(void) {
  for (;;) {
    wake_clear();
    vmbus_poll();
    storage_poll();
    if (disk.setup_done) return;
    sleep_until_wake();
  }
}

static void begin_setup(void) {
  disk.setup_done = false;
  disk.setup_transaction = new_transaction(SETUP);
}

/// One step of the handshake. Returns the host's status; the answer is in disk.setup_answer.
static u32 handshake(struct vstor_packet* packet) {
  packet->flags = VSTOR_WANTS_COMPLETION;
  begin_setup();
  if (!channel_send(disk.channel, PACKET_INBAND, PACKET_WANTS_COMPLETION, disk.setup_transaction,
                    NULL, 0, packet, sizeof *packet)) {
    panic("no room for the storage handshake");
  }
  await_setup();
  return disk.setup_answer.status;
}

static void handshake_or_panic(u32 operation) {
  struct vstor_packet packet = {.operation = operation};
  if (handshake(&packet) != 0) panic_value("storage handshake refused, operation", operation);
}

static void agree_on_version(void) {
  for (u32 i = 0; i < COUNT_OF(protocol_versions) && disk.version == 0; ++i) {
    struct vstor_packet packet = {.operation = VSTOR_QUERY_PROTOCOL_VERSION,
                                  .protocol.version = protocol_versions[i]};
    if (handshake(&packet) == 0) disk.version = protocol_versions[i];
  }
  if (disk.version == 0) panic("the host speaks no storage protocol of ours");
}

/// A command whose answer set-up needs, into setup_buffer. Returns the SRB status.
static u8 command(u8 opcode, u8 cdb_length, u32 bytes, u32 cdb_bytes_field) {
  struct vstor_packet packet = {0};
  packet.srb.cdb_length = cdb_length;
  packet.srb.data_in = DATA_IN;
  packet.srb.cdb[0] = opcode;
  packet.srb.cdb[4] = (u8)cdb_bytes_field;
  begin_setup();
  if (!send_srb(&packet, disk.setup_transaction, setup_buffer, bytes)) {
    panic("no room for a storage command");
  }
  await_setup();
  return disk.setup_answer.srb.srb_status & SRB_STATUS_MASK;
}

static void must_succeed(u8 srb_status) {
  if (srb_status != SRB_SUCCESS) panic_value("a storage command failed, SRB status", srb_status);
}

bool storage_set_up(void) {
  disk.channel = vmbus_find(&scsi_interface);
  if (disk.channel == NULL) return false;
  channel_open(disk.channel, ring_pages, RING_PAGES);
  for (u32 i = 0; i < MAX_REQUESTS; ++i) disk.requests[i].data = buffers[i];

  handshake_or_panic(VSTOR_BEGIN_INITIALIZATION);
  agree_on_version();
  handshake_or_panic(VSTOR_QUERY_PROPERTIES);
#ifdef TRIES_EARLY
  // The handshake is not done: nothing but a refusal is right.
  command(INQUIRY, 6, 36, 36);
  if (disk.setup_answer.status == 0) panic("a command is carried out before the handshake is done");
#endif
  handshake_or_panic(VSTOR_END_INITIALIZATION);

#ifdef DISKS_MAY_GO
  // Looking for the disk is a step of its own, which is taken again when one has come.
  disk.changed = true;
  return storage_find_again();
}

bool storage_gone(void) { return disk.gone; }

bool storage_find_again(void) {
  if (!disk.changed) return false;
  disk.changed = disk.gone = false;
#endif
  u8 status = command(INQUIRY, 6, 36, 36);
  if (status == SRB_INVALID_LUN) return false;  // a controller without a disk
  must_succeed(status);
  if ((setup_buffer[0] & 0x1F) != 0) panic_value("LUN 0 is no disk but type", setup_buffer[0]);
  must_succeed(command(READ_CAPACITY_10, 10, 8, 0));
  disk.blocks = get_big_endian(setup_buffer, 4) + 1;  // it names the last block
  if (get_big_endian(setup_buffer + 4, 4) != BLOCK_SIZE) panic("blocks are not 512 bytes");
  return true;
}

struct storage_request* storage_take(void) {
  for (u32 i = 0; i < MAX_REQUESTS; ++i) {
    struct storage_request* request = &disk.requests[i];
    if (request->in_use) continue;
    request->in_use = true;
    request->done = false;
    return request;
  }
  return NULL;
}

struct storage_request* storage_finished(void) {
  for (u32 i = 0; i < MAX_REQUESTS; ++i) {
    if (disk.requests[i].in_use && disk.requests[i].done) return &disk.requests[i];
  }
  return NULL;
}

void storage_release(struct storage_request* request) { request->in_use = false; }

bool storage_submit(struct storage_request* request) {
  static const u8 opcodes[] = {READ_10, WRITE_10, SYNCHRONIZE_CACHE_10};
  static const u8 directions[] = {DATA_IN, DATA_OUT, DATA_NONE};
  u32 slot = (u32)(request - disk.requests);
  struct vstor_packet packet = {0};
  packet.srb.cdb_length = 10;
  packet.srb.data_in = directions[request->operation];
  packet.srb.cdb[0] = opcodes[request->operation];
  put_big_endian(packet.srb.cdb + 2, request->block, 4);
  put_big_endian(packet.srb.cdb + 7, request->blocks, 2);
  u64 transaction = new_transaction(slot);
  if (!send_srb(&packet, transaction, request->data, request->blocks * BLOCK_SIZE)) return false;
  disk.transaction_of[slot] = transaction;
  ++disk.outstanding;
  return true;
}
