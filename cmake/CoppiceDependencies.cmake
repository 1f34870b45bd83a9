# find_package comes first: a distribution that has a version in range is used as it is.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(SQLite3 3.40 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(libpqxx 7.10 REQUIRED)
find_package(CAF 0.18.7 REQUIRED COMPONENTS core io)
if(NOT COPPICE_CONSUMER)
  find_package(Catch2 3.4 REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()
find_package(ftxui 5 REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_path(NATS_INCLUDE nats.h PATH_SUFFIXES nats REQUIRED)
find_library(NATS_LIBRARY nats REQUIRED)
add_library(nats INTERFACE IMPORTED)
set_target_properties(nats PROPERTIES INTERFACE_LINK_LIBRARIES ${NATS_LIBRARY})
if(NOT TARGET yaml-cpp)
  add_library(yaml-cpp ALIAS yaml-cpp::yaml-cpp)
endif()

# CAF counts only with its profiler hooks and with our patches (cmake/deps/patches).
include(CheckCXXSourceCompiles)
get_target_property(COPPICE_CAF_INCLUDES CAF::core INTERFACE_INCLUDE_DIRECTORIES)
set(CMAKE_REQUIRED_INCLUDES ${COPPICE_CAF_INCLUDES})
set(CMAKE_REQUIRED_FLAGS -std=c++20)
check_cxx_source_compiles("
#include <caf/config.hpp>
#include <caf/detail/build_config.hpp>
#if !defined(CAF_ENABLE_ACTOR_PROFILER) || !defined(COPPICE_CAF_PATCHES) || COPPICE_CAF_PATCHES < 2
#error unusable
#endif
int main() {}" COPPICE_CAF_USABLE)
if(NOT COPPICE_CAF_USABLE)
  message(FATAL_ERROR "The CAF found in ${CAF_DIR} lacks the profiler or Coppice's patches; build the pinned one with cmake/deps/build.")
endif()

if(COPPICE_CONSUMER)
  return()
endif()

# Actors are made by one thread and often end on another: the allocator of glibc has them wait for each other then.
# A sanitizer brings its own.
find_library(COPPICE_ALLOCATOR NAMES libtcmalloc_minimal.so.4 tcmalloc_minimal REQUIRED)
if(COPPICE_SANITIZE)
  set(COPPICE_PROGRAM_ALLOCATOR "")
else()
  set(COPPICE_PROGRAM_ALLOCATOR ${COPPICE_ALLOCATOR})
endif()

# Asio and Beast are compiled once (runtime/http/boost_impl.cpp), not in every file.
add_library(coppice_boost INTERFACE)
if(COPPICE_SANITIZE MATCHES thread)
  # ThreadSanitizer does not understand fences, and the compiler refuses them.
  target_compile_definitions(coppice_boost INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()
target_compile_definitions(coppice_boost INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY)
