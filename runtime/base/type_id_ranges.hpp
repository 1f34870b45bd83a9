#pragma once

#include <cstdint>

/// Type ids are the wire format. Each subsystem owns one range; ids are only appended inside it and a removed type
/// leaves a placeholder. json::compare_schemas compares all of them with `schemas/type_ids.txt`.
namespace coppice::type_ids {

inline constexpr uint16_t first = 200; // CAF's own end below.

inline constexpr uint16_t base = 200;        // 200..219
inline constexpr uint16_t supervision = 220; // 220..279
inline constexpr uint16_t telemetry = 280;   // 280..299
inline constexpr uint16_t events = 300;      // 300..359
inline constexpr uint16_t store = 360;       // 360..399
inline constexpr uint16_t cluster = 400;     // 400..459
inline constexpr uint16_t node = 460;        // 460..519
inline constexpr uint16_t admin = 520;       // 520..559
inline constexpr uint16_t consensus = 600;   // 600..799
inline constexpr uint16_t edge = 1000;       // 1000..1099
inline constexpr uint16_t machining = 1100;
inline constexpr uint16_t swarm = 1200;
inline constexpr uint16_t mesh_fl = 1300;
inline constexpr uint16_t social = 1400;
inline constexpr uint16_t analysis = 1500;
inline constexpr uint16_t gateway = 1600;
inline constexpr uint16_t examples = 1900; // 1900..1999
inline constexpr uint16_t test = 5000;     // Never on a wire between nodes.
inline constexpr uint16_t user = 10000;    // user + 256 * n belongs to user block n.

} // namespace coppice::type_ids

namespace coppice {

/// The first type id of the N-th block of a program built on Coppice; 256 ids a block.
template <uint16_t N>
inline constexpr uint16_t user_types = type_ids::user + 256 * N;

} // namespace coppice
