#pragma once

/// What a test of an actor includes.

#include "runtime/testkit/child.hpp"
#include "runtime/testkit/failure.hpp"
#include "runtime/testkit/probe.hpp"
#include "runtime/testkit/world.hpp"
