#pragma once

// The same for tests of those modules.

#include "cmake/precompiled_libraries.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <future>
