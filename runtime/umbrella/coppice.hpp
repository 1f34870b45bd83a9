#pragma once

/// What a program built on Coppice includes.

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/type_id_ranges.hpp"
#include "runtime/json/messages.hpp"
#include "runtime/node/call.hpp"
#include "runtime/node/node.hpp"
#include "runtime/node/tree.hpp"
#include "runtime/program/program.hpp"
#include "runtime/supervision/catalog.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
