# `./coppice bench`: the frame, one measuring program of ours a suite, and the baselines, each a program of its own.
# Baselines use CAF as its authors ship it (cmake/deps/build --plain-caf), never ours.
set(COPPICE_PLAIN_CAF "" CACHE PATH "Where CAF without profiler and patches is installed, for the baselines")

add_library(coppice_bench_frame STATIC EXCLUDE_FROM_ALL
  tests/bench/frame/child.cpp tests/bench/frame/program.cpp tests/bench/frame/report.cpp
  tests/bench/frame/runner.cpp tests/bench/frame/statistics.cpp)
target_link_libraries(coppice_bench_frame PUBLIC coppice_json PRIVATE coppice_warnings)
target_compile_definitions(coppice_bench_frame PRIVATE COPPICE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
coppice_test(bench_frame SOURCES tests/bench/frame/frame.test.cpp DEPENDS bench_frame)

file(GLOB rows CONFIGURE_DEPENDS tests/bench/*_rows.cpp)
add_executable(coppice_bench EXCLUDE_FROM_ALL tests/bench/main.cpp tests/bench/suites.cpp ${rows})
target_link_libraries(coppice_bench PRIVATE coppice_bench_frame coppice_cli coppice_warnings)
add_dependencies(bench coppice_bench)

# coppice_bench_suite(NAME modules...): tests/bench/NAME_*.cpp become the measuring program bench_NAME.
function(coppice_bench_suite name)
  file(GLOB sources CONFIGURE_DEPENDS tests/bench/${name}_*.cpp)
  list(FILTER sources EXCLUDE REGEX "_rows\\.cpp$")
  if(NOT sources)
    return()
  endif()
  list(TRANSFORM ARGN PREPEND coppice_)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(bench_${name} PRIVATE coppice_bench_frame ${ARGN} coppice_warnings
    ${COPPICE_PROGRAM_ALLOCATOR}) # as in every program
  add_dependencies(bench bench_${name})
endfunction()

coppice_bench_suite(actors supervision scheduling)
coppice_bench_suite(net cluster telemetry)
add_dependencies(bench_net coppice)
coppice_bench_suite(events node)

# Baselines: caf_NAME.cpp with plain CAF, nats_NAME.{c,cpp} with nats.c; scripts are run where they lie.
file(GLOB caf_baselines CONFIGURE_DEPENDS tests/bench/baseline/caf_*.cpp)
if(COPPICE_PLAIN_CAF)
  foreach(source ${caf_baselines})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    target_include_directories(${name} SYSTEM PRIVATE ${COPPICE_PLAIN_CAF}/include)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${COPPICE_PLAIN_CAF}/lib/libcaf_io.a ${COPPICE_PLAIN_CAF}/lib/libcaf_core.a Threads::Threads)
    add_dependencies(bench ${name})
  endforeach()
endif()
file(GLOB nats_baselines CONFIGURE_DEPENDS tests/bench/baseline/nats_*.c tests/bench/baseline/nats_*.cpp)
foreach(source ${nats_baselines})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  target_include_directories(${name} SYSTEM PRIVATE ${NATS_INCLUDE})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE nats Threads::Threads)
  add_dependencies(bench ${name})
endforeach()
