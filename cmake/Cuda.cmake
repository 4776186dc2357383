# CUDA, where this machine has its compiler: adds the plug-in of model/cuda and nothing else. Without
# it everything is built and tested the same, and only the plug-in is not there.
#
#   DURE_CUDA=OFF   does not look for it
option(DURE_CUDA "Build the CUDA plug-in where nvcc is found" ON)
set(DURE_HAS_CUDA OFF)
if(DURE_CUDA AND NOT DURE_SANITIZE AND NOT DURE_FUZZ)
  # Real code for the two kinds of GPU that kernels are written for, and nothing to compile later.
  set(CMAKE_CUDA_ARCHITECTURES 80-real;90-real)
  include(CheckLanguage)
  if(NOT CMAKE_CUDA_COMPILER)
    find_program(DURE_NVCC nvcc HINTS ${CUDA_HOME} $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
    if(DURE_NVCC)
      set(CMAKE_CUDA_COMPILER ${DURE_NVCC})
    endif()
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    # CMake 3.25 does not know that nvcc 13 speaks C++20.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA_STANDARD 20)
    find_package(CUDAToolkit REQUIRED)
    find_library(DURE_NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} ${CUDAToolkit_LIBRARY_ROOT}/lib)
    find_path(DURE_NCCL_INCLUDE nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
    # Only its headers: the library is looked for when the plug-in is used.
    find_path(DURE_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
    set(DURE_HAS_CUDA ON)
  endif()
endif()
if(DURE_HAS_CUDA)
  message(STATUS "CUDA ${CUDAToolkit_VERSION}: the plug-in dure_cuda.so is built")
  if(NOT DURE_CUDNN_INCLUDE)
    message(STATUS "cuDNN: cudnn.h was not found; attention is computed by our own kernels, slower")
  endif()
else()
  message(STATUS "CUDA: not used; GPUs need a build where nvcc is found")
endif()
