// Connecting, offers, and the dispatch of everything that comes from the host.
#include "vmbus.h"

#include "console.h"
#include "hypercall.h"
#include "interrupts.h"
#include "synic.h"
#include "vmbus_internal.h"

enum {
  CONNECTION_CONTROL = 1,       // control messages below version 5.0
  CONNECTION_EVENTS = 2,        // every channel's doorbell in version 0.13
  CONNECTION_CONTROL_SINT = 4,  // from 5.0 on: the guest chooses the SINT
  VERSION_0_13 = 0x0000000D,
  VERSION_2_4 = 0x00020004,
  VERSION_5_0 = 0x00050000,
  WORDS_TO_HOST = PAGE_SIZE / 2 / sizeof(u32),  // where the host's half of the page begins
  MAX_CHANNELS = 16,
};

/// Newest first. A host answers "not supported", or does not even have the connection that a newer
/// version would use; both mean: try the next.
static const u32 versions[] = {0x00050003, 0x00050002, 0x00050001, 0x00050000, 0x00040001,
                               0x00040000, 0x00030000, 0x00020004, 0x00010001, 0x0000000D};

static struct {
  u32 version;
  u32 control;  // connection for messages to the host
  bool answered, all_offers;
  struct vmbus_version_response response;
  struct channel channels[MAX_CHANNELS];
} bus;

/// A bit per relid: the first half is for us, the second, in version 0.13, for the host. Ignored by
/// hosts from 2.4 on.
static u32 interrupt_page[PAGE_SIZE / sizeof(u32)] PAGE_ALIGNED;
/// Nobody here asks for them, but the rules say that they must be there.
static u8 monitor_pages[2][PAGE_SIZE] PAGE_ALIGNED;

u32 vmbus_version(void) { return bus.version; }

u16 vmbus_post(const void* message, u32 bytes) {
  u16 status = HV_SUCCESS;
  // A host with no free buffer says so; trying again after a while is the protocol.
  for (int attempt = 0; attempt < 100; ++attempt) {
    status = post_message(bus.control, MESSAGE_VMBUS, message, bytes);
    if (status != HV_INSUFFICIENT_BUFFERS && status != HV_INSUFFICIENT_MEMORY) return status;
    for (int i = 0; i < 1000 << (attempt < 10 ? attempt : 10); ++i) pause_cpu();
  }
  return status;
}

void vmbus_send(const void* message, u32 bytes) {
  u16 status = vmbus_post(message, bytes);
  if (status != HV_SUCCESS) panic_value("posting a VMBus message failed with status", status);
}

void vmbus_wait(const bool* condition) {
  for (;;) {
    wake_clear();
    vmbus_poll();
    if (*(const volatile bool*)condition) return;
    sleep_until_wake();
  }
}

static bool try_version(u32 version) {
  bool chooses_sint = version >= VERSION_5_0;
  struct vmbus_initiate_contact contact = {
      .header.type = VMBUS_INITIATE_CONTACT,
      .version = version,
      .target_vp = (u32)rdmsr(MSR_VP_INDEX),
      .interrupt_page = chooses_sint ? SINT_VMBUS : (u64)interrupt_page,
      .monitor_page_to_guest = (u64)monitor_pages[0],
      .monitor_page_to_host = (u64)monitor_pages[1],
  };
  bus.control = chooses_sint ? CONNECTION_CONTROL_SINT : CONNECTION_CONTROL;
  bus.answered = false;
  u16 status = vmbus_post(&contact, sizeof contact);
  if (status == HV_INVALID_CONNECTION_ID) return false;
  if (status != HV_SUCCESS) panic_value("INITIATE_CONTACT failed with status", status);
  vmbus_wait(&bus.answered);
  if (!bus.response.supported) return false;
  if (bus.response.connection_state != 0) {
    panic_value("the host refuses the connection, state", bus.response.connection_state);
  }
  if (chooses_sint) bus.control = bus.response.value;
  bus.version = version;
  return true;
}

void vmbus_connect(void) {
  for (u32 i = 0; i < COUNT_OF(versions) && bus.version == 0; ++i) try_version(versions[i]);
  if (bus.version == 0) panic("the host speaks no VMBus version of ours");
  struct vmbus_header request = {VMBUS_REQUEST_OFFERS, 0};
  vmbus_send(&request, sizeof request);
  vmbus_wait(&bus.all_offers);
}

void vmbus_signal(const struct channel* channel) {
  u32 relid = channel->offer.relid;
  u32 connection = channel->offer.connection_id;
  if (bus.version == VERSION_0_13) {
    __atomic_fetch_or(&interrupt_page[WORDS_TO_HOST + relid / 32], 1u << relid % 32,
                      __ATOMIC_SEQ_CST);
    connection = CONNECTION_EVENTS;
  }
  u16 status = signal_event(connection, 0);
  if (status != HV_SUCCESS) panic_value("signalling a channel failed with status", status);
}

struct channel* vmbus_find(const struct guid* interface_id) {
  for (u32 i = 0; i < MAX_CHANNELS; ++i) {
    struct channel* channel = &bus.channels[i];
    if (channel->offered && !channel->open && !channel->closing &&
        memcmp(&channel->offer.interface_id, interface_id, sizeof *interface_id) == 0) {
      return channel;
    }
  }
  return NULL;
}

static struct channel* by_relid(u32 relid) {
  for (u32 i = 0; i < MAX_CHANNELS; ++i) {
    if (bus.channels[i].offered && bus.channels[i].offer.relid == relid) return &bus.channels[i];
  }
  panic_value("the host names a channel that it never offered:", relid);
}

static struct channel* by_gpadl(u32 gpadl) {
  for (u32 i = 0; i < MAX_CHANNELS; ++i) {
    if (bus.channels[i].offered && bus.channels[i].gpadl == gpadl) return &bus.channels[i];
  }
  panic_value("the host names a GPADL that we never made:", gpadl);
}

static void take_offer(const struct vmbus_offer* offer) {
  if (offer->relid >= 2048) panic_value("an offer's relid has no event flag:", offer->relid);
  for (u32 i = 0; i < MAX_CHANNELS; ++i) {
    struct channel* channel = &bus.channels[i];
    if (channel->offered) continue;
    memset(channel, 0, sizeof *channel);
    channel->offer = *offer;
    channel->offered = true;
    return;
  }
  // More devices than a guest here can use: the rest stays offered and closed.
}

static void release_relid(struct channel* channel) {
  struct vmbus_relid released = {{VMBUS_RELID_RELEASED, 0}, channel->offer.relid};
  vmbus_send(&released, sizeof released);
  channel->offered = channel->closing = false;
}

/// The host takes a device away. An open channel is closed first and its memory taken back; only
/// then may the host give the relid to another.
static void take_rescind(struct channel* channel) {
  if (channel->open) {
    channel_close(channel);
  } else if (!channel->closing) {
    release_relid(channel);
  }
}

static void dispatch(const u8* payload, u32 bytes) {
  // The rest of a short message would be what an older message left in our copy.
  union {
    struct vmbus_header header;
    struct vmbus_offer offer;
    struct vmbus_relid relid;
    struct vmbus_open_result open_result;
    struct vmbus_gpadl_created created;
    struct vmbus_gpadl_torndown torndown;
    struct vmbus_version_response version;
  } m;
  memset(&m, 0, sizeof m);
  memcpy(&m, payload, bytes < sizeof m ? bytes : sizeof m);
  switch (m.header.type) {
    case VMBUS_VERSION_RESPONSE:
      bus.response = m.version;
      bus.answered = true;
      break;
    case VMBUS_OFFER:
      take_offer(&m.offer);
      break;
    case VMBUS_ALL_OFFERS:
      bus.all_offers = true;
      break;
    case VMBUS_RESCIND:
      take_rescind(by_relid(m.relid.relid));
      break;
    case VMBUS_OPEN_RESULT: {
      struct channel* channel = by_relid(m.open_result.relid);
      channel->opened_status = m.open_result.status;
      channel->opened = true;
      break;
    }
    case VMBUS_GPADL_CREATED: {
      struct channel* channel = by_gpadl(m.created.gpadl);
      channel->created_status = m.created.status;
      channel->created = true;
      break;
    }
    case VMBUS_GPADL_TORNDOWN:
      release_relid(by_gpadl(m.torndown.gpadl));
      break;
    default:
      break;  // newer hosts may say what we do not understand
  }
}

/// The flags of 32 channels at once, cleared in the same step in which they are read.
static u32 take_group(u32 group) {
  if (bus.version >= VERSION_2_4) return synic_take_flags(SINT_VMBUS, group);
  u32* flags = &interrupt_page[group];
  if (__atomic_load_n(flags, __ATOMIC_RELAXED) == 0) return 0;
  return __atomic_exchange_n(flags, 0, __ATOMIC_SEQ_CST);
}

/// Hands each channel its flag. A channel that is just being opened counts: the host
/// may put its first packet into the ring before we have read that the channel is open.
static bool take_flags(void) {
  bool any = false;
  // Before 2.4 one flag says that the page has news.
  if (bus.version < VERSION_2_4 && !(synic_take_flags(SINT_VMBUS, 0) & 1)) return false;
  for (u32 i = 0; i < MAX_CHANNELS; ++i) {
    if (!bus.channels[i].offered) continue;
    u32 group = bus.channels[i].offer.relid / 32;
    u32 flags = take_group(group);
    for (u32 j = 0; flags != 0 && j < MAX_CHANNELS; ++j) {
      u32 relid = bus.channels[j].offer.relid;
      if (bus.channels[j].offered && relid / 32 == group && (flags >> relid % 32 & 1)) {
        bus.channels[j].signalled = true;
        any = true;
      }
    }
  }
  return any;
}

bool vmbus_poll(void) {
  static struct synic_message message;
  bool any = false;
  while (synic_take_message(SINT_VMBUS, &message)) {
    any = true;
    if (message.type == MESSAGE_VMBUS) dispatch(message.payload, message.bytes);
  }
  return take_flags() || any;
}
