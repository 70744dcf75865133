#include "network.h"

#include "console.h"
#include "hypercall.h"
#include "interrupts.h"
#include "rndis.h"
#include "vmbus.h"

enum {
  PACKET_TRANSFER_PAGES = 7,
  RING_PAGES = 4,
  RECEIVE_PAGES = 64,
  SEND_SECTION = 6144,
  SEND_SECTIONS = 8,
  MAX_RANGES = 375,  // of one packet, by the protocol
  MAX_PACKET_WORDS = (16 + 8 + 8 * MAX_RANGES) / 8,
  MTU = 1500,
};

static const struct guid network_interface = {
    0xf8615163, 0xdf3e, 0x46c5, {0x91, 0x3f, 0xf2, 0xd2, 0xf9, 0x65, 0xed, 0x0e}};
static const u32 versions[] = {0x60001, 0x60000, 0x50000, 0x40000, 0x30002, 0x00002};

/// Transaction ids: a section of the send buffer, or one of these.
enum { SETUP = 0x1000, CONTROL = 0x1001 };

static u8 ring_pages[RING_PAGES][PAGE_SIZE] PAGE_ALIGNED;
static u8 receive_buffer[RECEIVE_PAGES][PAGE_SIZE] PAGE_ALIGNED;
static u8 send_buffer[SEND_SECTIONS * SEND_SECTION] PAGE_ALIGNED;
_Static_assert(sizeof send_buffer % PAGE_SIZE == 0, "whole pages are lent");

static struct {
  struct channel* channel;
  u32 version;
  u8 mac[MAC_BYTES];
  u32 requests;  // RNDIS requests so far
  bool answered, completed;
  struct nvsp_message answer;
  struct rndis_complete complete;
  u8 info[32];
  bool with_host[SEND_SECTIONS];
  frame_function* frame;
  // Packets that wait to be given back: the ring had no room.
  u64 returns[64];
  u32 return_count;
} nic;

u32 network_version(void) { return nic.version; }
const u8* network_mac(void) { return nic.mac; }

static bool send(u16 flags, u64 transaction, u16 type, const struct nvsp_message* message) {
  return channel_send(nic.channel, type, flags, transaction, NULL, 0, message, sizeof *message);
}

static void take_control(const u8* message, u32 bytes) {
  const struct rndis_complete* complete = (const struct rndis_complete*)message;
  if (bytes < 16 || !(complete->header.type & RNDIS_COMPLETE)) return;  // an indication
  if (complete->request != nic.requests) panic_value("an answer to no request", complete->request);
  memset(&nic.complete, 0, sizeof nic.complete);
  memcpy(&nic.complete, message, bytes < sizeof nic.complete ? bytes : sizeof nic.complete);
  if (complete->header.type == (RNDIS_COMPLETE | RNDIS_QUERY)) {
    u32 length = complete->info_bytes;
    if (length > sizeof nic.info || 8ull + complete->info_offset + length > bytes) {
      panic_value("an answer of impossible length:", length);
    }
    memcpy(nic.info, message + 8 + complete->info_offset, length);
  }
  nic.completed = true;
}

/// One section of the receive buffer: a frame, or a message about the adapter.
static void take_message(const u8* message, u32 bytes) {
  const struct rndis_packet* packet = (const struct rndis_packet*)message;
  if (bytes < sizeof packet->header || packet->header.bytes > bytes) {
    panic_value("an RNDIS message of impossible length:", bytes);
  }
  if (packet->header.type != RNDIS_PACKET) return take_control(message, packet->header.bytes);
  if (bytes < sizeof *packet ||
      8ull + packet->data_offset + packet->data_bytes > packet->header.bytes) {
    panic_value("a frame that ends behind its packet:", packet->data_bytes);
  }
  if (nic.frame != NULL) nic.frame(message + 8 + packet->data_offset, packet->data_bytes);
}

/// What the host put into sections is named between descriptor and payload, which ring_receive does
/// not copy: it is read before the packet is taken.
static void take_ranges(const u64* words) {
  const struct packet_descriptor* packet = (const struct packet_descriptor*)words;
  const struct transfer_page_ranges* ranges = (const struct transfer_page_ranges*)(words + 2);
  if (packet->offset8 < 3 || ranges->count > MAX_RANGES || packet->offset8 < 3 + ranges->count) {
    panic("a packet with more ranges than it has room for");
  }
  for (u32 i = 0; i < ranges->count; ++i) {
    u64 offset = ranges->ranges[i].offset, bytes = ranges->ranges[i].bytes;
    if (offset + bytes > sizeof receive_buffer) panic_value("a range beyond the buffer:", offset);
    take_message((u8*)receive_buffer + offset, (u32)bytes);
  }
}

static void take_completion(u64 transaction, const struct nvsp_message* message) {
  if (transaction == SETUP) {
    nic.answer = *message;
    nic.answered = true;
  } else if (transaction < SEND_SECTIONS && nic.with_host[transaction]) {
    if (message->rndis_complete.status != NVSP_SUCCESS) {
      panic_value("a frame was refused with status", message->rndis_complete.status);
    }
    nic.with_host[transaction] = false;
  } else if (transaction != CONTROL) {
    panic_value("a network completion that nobody asked for:", transaction);
  }
}

/// Gives sections back, as many packets as the ring takes.
static void give_back(void) {
  struct nvsp_message done = {.type = NVSP_RNDIS_PACKET_COMPLETE,
                              .rndis_complete.status = NVSP_SUCCESS};
  u32 given = 0;
  while (given < nic.return_count && send(0, nic.returns[given], PACKET_COMPLETION, &done)) ++given;
  nic.return_count -= given;
  for (u32 i = 0; i < nic.return_count; ++i) nic.returns[i] = nic.returns[given + i];
}

static bool take_packet(void) {
  static u64 words[MAX_PACKET_WORDS];
  struct ring* ring = &nic.channel->incoming;
  u32 at = ring->header->read_index;
  if (at == ring->header->write_index || nic.return_count == COUNT_OF(nic.returns)) return false;
  acquire_barrier();
  for (u32 i = 0; i < MAX_PACKET_WORDS; ++i) {
    words[i] = *(const u64*)(ring->data + (at + 8 * i) % ring->size);
  }
  struct packet_descriptor packet;
  struct nvsp_message message = {0};
  u32 bytes;
  bool signal;
  if (ring_receive(ring, &packet, &message, sizeof message, &bytes, &signal) != RING_PACKET) {
    panic("the host broke the network ring");
  }
  if (signal) vmbus_signal(nic.channel);
  if (packet.type == PACKET_TRANSFER_PAGES) {
    take_ranges(words);
    nic.returns[nic.return_count++] = packet.transaction;
    give_back();
  } else if (packet.type == PACKET_COMPLETION) {
    take_completion(packet.transaction, &message);
  }
  return true;
}

bool network_poll(frame_function* frame) {
  if (nic.channel == NULL || !nic.channel->signalled) return false;
  nic.channel->signalled = false;
  nic.frame = frame;
  give_back();
  do {
    ring_mask(&nic.channel->incoming);
    while (take_packet()) {
    }
    // With nothing but packets that cannot be given back the host rings when there is room.
  } while (ring_unmask(&nic.channel->incoming) && nic.return_count < COUNT_OF(nic.returns));
  return true;
}

static void await(const bool* condition) {
  for (;;) {
    wake_clear();
    vmbus_poll();
    network_poll(NULL);
    if (*(const volatile bool*)condition) return;
    sleep_until_wake();
  }
}

static void must_send(u16 flags, u64 transaction, const struct nvsp_message* message) {
  if (!send(flags, transaction, PACKET_INBAND, message)) panic("no room in the network ring");
}

static void ask(const struct nvsp_message* message, u32 answer_type) {
  nic.answered = false;
  must_send(PACKET_WANTS_COMPLETION, SETUP, message);
  await(&nic.answered);
  if (nic.answer.type != answer_type) panic_value("the adapter answers with", nic.answer.type);
}

static void agree_on_version(void) {
  for (u32 i = 0; i < COUNT_OF(versions) && nic.version == 0; ++i) {
    struct nvsp_message init = {.type = NVSP_INIT, .init = {versions[i], versions[i]}};
    ask(&init, NVSP_INIT_COMPLETE);
    if (nic.answer.init_complete.status == NVSP_SUCCESS) nic.version = versions[i];
  }
  if (nic.version == 0) panic("the adapter speaks no version of ours");
  if (nic.version >= 0x30002) {
    struct nvsp_message config = {.type = NVSP_NDIS_CONFIG, .ndis_config.mtu = MTU + FRAME_HEADER};
    must_send(0, 0, &config);
  }
  struct nvsp_message ndis = {.type = NVSP_NDIS_VERSION,
                              .ndis_version = {6, nic.version <= 0x40000 ? 1 : 30}};
  must_send(0, 0, &ndis);
}

static void lend_buffers(void) {
  struct nvsp_message receive = {.type = NVSP_RECEIVE_BUFFER};
  receive.buffer.gpadl = channel_lend(nic.channel, receive_buffer, RECEIVE_PAGES);
  receive.buffer.id = NVSP_RECEIVE_ID;
  ask(&receive, NVSP_RECEIVE_BUFFER_COMPLETE);
  if (nic.answer.receive_complete.status != NVSP_SUCCESS) panic("no receive buffer");

  struct nvsp_message sends = {.type = NVSP_SEND_BUFFER};
  sends.buffer.gpadl = channel_lend(nic.channel, send_buffer, sizeof send_buffer / PAGE_SIZE);
  sends.buffer.id = NVSP_SEND_ID;
  ask(&sends, NVSP_SEND_BUFFER_COMPLETE);
  if (nic.answer.send_complete.status != NVSP_SUCCESS ||
      nic.answer.send_complete.section_bytes != SEND_SECTION) {
    panic("no send buffer, or one of other sections");
  }
}

/// The message lies in the first section; nothing else is sent meanwhile.
static void send_section(u32 section, u32 bytes, u32 channel, u64 transaction) {
  struct nvsp_message message = {.type = NVSP_RNDIS_PACKET, .rndis = {channel, section, bytes}};
  must_send(PACKET_WANTS_COMPLETION, transaction, &message);
}

static void control(const struct rndis_header* request, u32 bytes) {
  memcpy(send_buffer, request, bytes);
  nic.completed = false;
  send_section(0, bytes, NVSP_CONTROL_CHANNEL, CONTROL);
  await(&nic.completed);
  if (nic.complete.header.type != (RNDIS_COMPLETE | request->type) || nic.complete.status != 0) {
    panic_value("the adapter refuses an RNDIS request, status", nic.complete.status);
  }
}

static void start_rndis(void) {
  struct rndis_initialize hello = {{RNDIS_INITIALIZE, sizeof hello}, ++nic.requests, 1, 0, 0x4000};
  control(&hello.header, sizeof hello);
  struct rndis_request query = {.header = {RNDIS_QUERY, sizeof query - sizeof query.value},
                                .request = ++nic.requests,
                                .oid = OID_PERMANENT_ADDRESS,
                                .info_offset = 20};
  control(&query.header, query.header.bytes);
  memcpy(nic.mac, nic.info, MAC_BYTES);
  // From here on frames come.
  struct rndis_request filter = {
      .header = {RNDIS_SET, sizeof filter},
      .request = ++nic.requests,
      .oid = OID_PACKET_FILTER,
      .info_bytes = 4,
      .info_offset = 20,
      .value = FILTER_DIRECTED | FILTER_ALL_MULTICAST | FILTER_BROADCAST};
  control(&filter.header, sizeof filter);
}

bool network_set_up(void) {
  nic.channel = vmbus_find(&network_interface);
  if (nic.channel == NULL) return false;
  channel_open(nic.channel, ring_pages, RING_PAGES);
  agree_on_version();
  lend_buffers();
  start_rndis();
  return true;
}

bool network_send(const void* frame, u32 bytes) {
  for (u32 section = 0; section < SEND_SECTIONS; ++section) {
    if (nic.with_host[section]) continue;
    u8* place = send_buffer + section * SEND_SECTION;
    struct rndis_packet packet = {.header = {RNDIS_PACKET, sizeof packet + bytes},
                                  .data_offset = sizeof packet - 8,
                                  .data_bytes = bytes};
    memcpy(place, &packet, sizeof packet);
    memcpy(place + sizeof packet, frame, bytes);
    struct nvsp_message message = {.type = NVSP_RNDIS_PACKET,
                                   .rndis = {NVSP_DATA_CHANNEL, section, sizeof packet + bytes}};
    nic.with_host[section] = send(PACKET_WANTS_COMPLETION, section, PACKET_INBAND, &message);
    return nic.with_host[section];
  }
  return false;
}
