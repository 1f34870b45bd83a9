# `cmake --install` and find_package(Coppice).
