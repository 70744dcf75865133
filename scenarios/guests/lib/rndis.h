// What a network adapter's messages look like: NVSP, the packets of the channel, and inside of them
// RNDIS, which is Ethernet for devices that are far away (spec D.2).
#pragma once

#include "machine.h"

enum {
  NVSP_INIT = 1,
  NVSP_INIT_COMPLETE = 2,
  NVSP_NDIS_VERSION = 100,
  NVSP_RECEIVE_BUFFER = 101,
  NVSP_RECEIVE_BUFFER_COMPLETE = 102,
  NVSP_SEND_BUFFER = 104,
  NVSP_SEND_BUFFER_COMPLETE = 105,
  NVSP_RNDIS_PACKET = 107,
  NVSP_RNDIS_PACKET_COMPLETE = 108,
  NVSP_NDIS_CONFIG = 125,
  NVSP_SUCCESS = 1,

  NVSP_DATA_CHANNEL = 0,
  NVSP_CONTROL_CHANNEL = 1,
};
#define NVSP_NO_SECTION 0xFFFFFFFFu

/// 28 bytes were enough up to version 6.0, 40 are right for all.
struct nvsp_message {
  u32 type;
  union {
    struct {
      u32 minimum, maximum;
    } init;
    struct {
      u32 negotiated, max_chain, status;
    } init_complete;
    struct {
      u32 major, minor;
    } ndis_version;
    struct {
      u32 mtu, reserved;  ///< with the Ethernet header
      u32 capabilities, more_capabilities;
    } ndis_config;
    struct {
      u32 gpadl;
      u16 id, reserved;
    } buffer;
    struct {
      u32 status, runs, offset, section_bytes, sections, end;
    } receive_complete;
    struct {
      u32 status, section_bytes;
    } send_complete;
    struct {
      u32 channel, section, section_bytes;
    } rndis;
    struct {
      u32 status;
    } rndis_complete;
    u8 body[36];
  };
};
_Static_assert(sizeof(struct nvsp_message) == 40, "spec D.2");

enum { NVSP_RECEIVE_ID = 0xCAFE, NVSP_SEND_ID = 0 };

enum {
  RNDIS_PACKET = 1,
  RNDIS_INITIALIZE = 2,
  RNDIS_QUERY = 4,
  RNDIS_SET = 5,
  RNDIS_INDICATE = 7,
  RNDIS_COMPLETE = 0x80000000u,  ///< of the request whose type is in the other bits

  OID_PACKET_FILTER = 0x0001010E,
  OID_PERMANENT_ADDRESS = 0x01010101,
  FILTER_DIRECTED = 1,
  FILTER_ALL_MULTICAST = 4,
  FILTER_BROADCAST = 8,
};

struct rndis_header {
  u32 type;
  u32 bytes;  ///< of the whole message
};

/// Offsets count from behind the header.
struct rndis_packet {
  struct rndis_header header;
  u32 data_offset, data_bytes;
  u32 oob_offset, oob_bytes, oob_elements;
  u32 info_offset, info_bytes;
  u32 vc_handle, reserved;
};
_Static_assert(sizeof(struct rndis_packet) == 44, "spec D.2");

struct rndis_initialize {
  struct rndis_header header;
  u32 request, major, minor, max_transfer;
};

struct rndis_request {  // query and set
  struct rndis_header header;
  u32 request, oid, info_bytes, info_offset, reserved;
  u32 value;  ///< of what is set here, nothing is longer
};

struct rndis_complete {
  struct rndis_header header;
  u32 request, status, info_bytes, info_offset;
};

/// Between descriptor and payload of a packet whose data lie in a buffer that was lent: where.
struct transfer_page_ranges {
  u16 set;
  u8 sender_owns, reserved;
  u32 count;
  struct {
    u32 bytes, offset;
  } ranges[];
};
