// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// What PyCUDA is linked with and pose_ros does not call: it must be there, and refuses.
#include "libcuda.h"

#define REFUSE(name) CUresult name(void) { return CUDA_ERROR_NOT_SUPPORTED; }

REFUSE(cuArray3DCreate_v2) REFUSE(cuArray3DGetDescriptor_v2) REFUSE(cuArrayCreate_v2)
REFUSE(cuArrayDestroy) REFUSE(cuArrayGetDescriptor_v2) REFUSE(cuCtxAttach)
REFUSE(cuCtxCreate_v2) REFUSE(cuCtxDetach) REFUSE(cuCtxDisablePeerAccess)
REFUSE(cuCtxEnablePeerAccess) REFUSE(cuCtxGetApiVersion) REFUSE(cuCtxGetCacheConfig)
REFUSE(cuCtxGetLimit) REFUSE(cuCtxGetSharedMemConfig) REFUSE(cuCtxSetCacheConfig)
REFUSE(cuCtxSetLimit) REFUSE(cuCtxSetSharedMemConfig) REFUSE(cuDeviceCanAccessPeer)
REFUSE(cuDeviceComputeCapability) REFUSE(cuDeviceGetByPCIBusId) REFUSE(cuFuncGetAttribute)
REFUSE(cuFuncSetAttribute) REFUSE(cuFuncSetCacheConfig)
REFUSE(cuFuncSetSharedSize) REFUSE(cuIpcCloseMemHandle) REFUSE(cuIpcGetEventHandle)
REFUSE(cuIpcGetMemHandle) REFUSE(cuIpcOpenEventHandle) REFUSE(cuIpcOpenMemHandle_v2)
REFUSE(cuLaunch) REFUSE(cuLaunchGrid) REFUSE(cuLaunchGridAsync) REFUSE(cuLinkAddData_v2)
REFUSE(cuLinkAddFile_v2) REFUSE(cuLinkComplete) REFUSE(cuLinkCreate_v2)
REFUSE(cuLinkDestroy) REFUSE(cuMemAllocManaged) REFUSE(cuMemAllocPitch_v2)
REFUSE(cuMemGetAddressRange_v2) REFUSE(cuMemHostGetDevicePointer_v2) REFUSE(cuMemHostGetFlags)
REFUSE(cuMemHostRegister_v2) REFUSE(cuMemHostUnregister) REFUSE(cuMemcpy2DAsync_v2)
REFUSE(cuMemcpy2DUnaligned_v2) REFUSE(cuMemcpy2D_v2) REFUSE(cuMemcpy3DAsync_v2)
REFUSE(cuMemcpy3DPeer) REFUSE(cuMemcpy3DPeerAsync) REFUSE(cuMemcpy3D_v2)
REFUSE(cuMemcpyAtoA_v2) REFUSE(cuMemcpyAtoD_v2) REFUSE(cuMemcpyAtoH_v2)
REFUSE(cuMemcpyDtoA_v2) REFUSE(cuMemcpyDtoDAsync_v2) REFUSE(cuMemcpyDtoD_v2)
REFUSE(cuMemcpyHtoA_v2) REFUSE(cuMemcpyPeer) REFUSE(cuMemcpyPeerAsync) REFUSE(cuMemsetD16Async)
REFUSE(cuMemsetD16_v2) REFUSE(cuMemsetD2D16Async) REFUSE(cuMemsetD2D16_v2)
REFUSE(cuMemsetD2D32Async) REFUSE(cuMemsetD2D32_v2) REFUSE(cuMemsetD2D8Async)
REFUSE(cuMemsetD2D8_v2) REFUSE(cuMemsetD32Async) REFUSE(cuMemsetD32_v2)
REFUSE(cuMemsetD8Async) REFUSE(cuMemsetD8_v2) REFUSE(cuModuleGetGlobal_v2)
REFUSE(cuModuleGetSurfRef) REFUSE(cuModuleGetTexRef) REFUSE(cuModuleLoad)
REFUSE(cuModuleLoadData) REFUSE(cuParamSetSize) REFUSE(cuParamSetTexRef)
REFUSE(cuParamSetf) REFUSE(cuParamSeti) REFUSE(cuParamSetv) REFUSE(cuProfilerInitialize)
REFUSE(cuProfilerStart) REFUSE(cuProfilerStop) REFUSE(cuStreamAttachMemAsync)
REFUSE(cuStreamWaitEvent) REFUSE(cuSurfRefGetArray) REFUSE(cuSurfRefSetArray)
REFUSE(cuTexRefCreate) REFUSE(cuTexRefDestroy) REFUSE(cuTexRefGetAddressMode)
REFUSE(cuTexRefGetAddress_v2) REFUSE(cuTexRefGetArray) REFUSE(cuTexRefGetFilterMode)
REFUSE(cuTexRefGetFlags) REFUSE(cuTexRefGetFormat) REFUSE(cuTexRefSetAddress2D_v3)
REFUSE(cuTexRefSetAddressMode) REFUSE(cuTexRefSetAddress_v2) REFUSE(cuTexRefSetArray)
REFUSE(cuTexRefSetFilterMode) REFUSE(cuTexRefSetFlags) REFUSE(cuTexRefSetFormat)
