// The control messages of VMBus that a guest sends and receives, as they travel (spec C.2).
#pragma once

#include "machine.h"

enum {
  VMBUS_OFFER = 1,
  VMBUS_RESCIND = 2,
  VMBUS_REQUEST_OFFERS = 3,
  VMBUS_ALL_OFFERS = 4,
  VMBUS_OPEN = 5,
  VMBUS_OPEN_RESULT = 6,
  VMBUS_CLOSE = 7,
  VMBUS_GPADL_HEADER = 8,
  VMBUS_GPADL_BODY = 9,
  VMBUS_GPADL_CREATED = 10,
  VMBUS_GPADL_TEARDOWN = 11,
  VMBUS_GPADL_TORNDOWN = 12,
  VMBUS_RELID_RELEASED = 13,
  VMBUS_INITIATE_CONTACT = 14,
  VMBUS_VERSION_RESPONSE = 15,
};

/// Fields in the order of memory: the first three little-endian, the rest as bytes.
struct guid {
  u32 a;
  u16 b, c;
  u8 d[8];
};

struct vmbus_header {
  u32 type;
  u32 padding;
};

struct vmbus_offer {
  struct vmbus_header header;
  struct guid interface_id, instance_id;
  u8 reserved[16];
  u16 flags, mmio_megabytes;
  u8 user_defined[120];
  u16 sub_channel_index, mmio_optional;
  u32 relid;
  u8 monitor_id, monitor_allocated;
  u16 is_dedicated_interrupt;
  u32 connection_id;
};
_Static_assert(sizeof(struct vmbus_offer) == 196, "spec C.2");

struct vmbus_relid {  // RESCIND, CLOSE, RELID_RELEASED
  struct vmbus_header header;
  u32 relid;
};

struct vmbus_open {
  struct vmbus_header header;
  u32 relid, open_id, gpadl, target_vp, downstream_page;
  u8 user_data[120];
};
_Static_assert(sizeof(struct vmbus_open) == 148, "spec C.2");

struct vmbus_open_result {
  struct vmbus_header header;
  u32 relid, open_id, status;
};

enum { GPADL_HEADER_PFNS = 26, GPADL_BODY_PFNS = 28 };

struct __attribute__((packed)) vmbus_gpadl_header {
  struct vmbus_header header;
  u32 relid, gpadl;
  u16 range_bytes, range_count;
  u32 byte_count, byte_offset;
  u64 pfns[GPADL_HEADER_PFNS];
};
_Static_assert(sizeof(struct vmbus_gpadl_header) == 236, "spec C.2");

struct vmbus_gpadl_body {
  struct vmbus_header header;
  u32 number, gpadl;
  u64 pfns[GPADL_BODY_PFNS];
};
_Static_assert(sizeof(struct vmbus_gpadl_body) == 240, "spec C.2");

struct vmbus_gpadl_created {
  struct vmbus_header header;
  u32 relid, gpadl, status;
};

struct vmbus_gpadl_teardown {
  struct vmbus_header header;
  u32 relid, gpadl;
};

struct vmbus_gpadl_torndown {
  struct vmbus_header header;
  u32 gpadl;
};

struct vmbus_initiate_contact {
  struct vmbus_header header;
  u32 version, target_vp;
  u64 interrupt_page;  ///< from version 5.0 on: the SINT for messages in the lowest byte
  u64 monitor_page_to_guest, monitor_page_to_host;
};
_Static_assert(sizeof(struct vmbus_initiate_contact) == 40, "spec C.2");

struct vmbus_version_response {
  struct vmbus_header header;
  u8 supported, connection_state;
  u16 reserved;
  u32 value;  ///< below 5.0 the version, from 5.0 on the connection id for all further messages
};
_Static_assert(sizeof(struct vmbus_version_response) == 16, "spec C.2");
