package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// cudaItem is XLA's plugin for NVIDIA GPUs with the CUDA 13.0 libraries that it
// loads: the wheels that jax 0.11.2 asks for, without what only C++ developers,
// profilers and clusters use. About 1.8 GB to download, 2.6 GB on the disk.
func cudaItem() fetch.Item {
	return fetch.Item{
		Name:  "XLA for NVIDIA GPUs",
		Dir:   "pjrt/cuda13-0.11.2",
		Files: cudaFiles(),
		Ways: []fetch.Way{fetch.Pip("jax-cuda13-pjrt==0.11.2",
			"nvidia-cublas==13.1.0.3", "nvidia-cuda-cupti==13.0.85", "nvidia-cuda-nvcc==13.0.88",
			"nvidia-cuda-nvrtc==13.0.88", "nvidia-cuda-runtime==13.0.96", "nvidia-cudnn-cu13==9.15.1.9",
			"nvidia-cufft==12.0.0.61", "nvidia-cusolver==12.0.4.66", "nvidia-cusparse==12.6.3.3",
			"nvidia-nccl-cu13==2.28.9", "nvidia-nvjitlink==13.0.88", "nvidia-nvvm==13.0.88")},
		Source:  "Python packages jax-cuda13-pjrt 0.11.2 and nvidia-*",
		Licence: "Apache-2.0 (plugin); NVIDIA's licence terms (CUDA libraries)",
	}
}

// finishCUDA gives the folder what files alone do not carry: the tools that XLA
// runs must be executable, and cuDNN looks for its neighbours in the folders that
// they had in older wheels. It may run at any time, in several processes at once.
func finishCUDA(dir string) error {
	for _, tool := range []string{"ptxas", "nvlink", "fatbinary"} {
		path := filepath.Join(dir, "nvidia", "cu13", "bin", tool)
		info, err := os.Stat(path)
		if err == nil && info.Mode()&0o100 == 0 {
			err = os.Chmod(path, 0o755)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", cudaItem().Name, err)
		}
	}
	for _, old := range []string{"cublas", "cuda_nvrtc"} {
		if err := os.Symlink("cu13", filepath.Join(dir, "nvidia", old)); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", cudaItem().Name, err)
		}
	}
	return nil
}

// cudaFiles starts with the plugin. It finds its libraries at ../nvidia.
func cudaFiles() []fetch.File {
	return []fetch.File{
		{Name: "plugin/pjrt_c_api_cuda_plugin.so", Size: 411465856, SHA256: "43d3efd6fd43d8a5d9aa67176e830d81e4ad5fc19fda4ad09cdcc4aebd9f3920", From: "jax_plugins/xla_cuda13/xla_cuda_plugin.so"},
		{Name: "nvidia/cu13/bin/ptxas", Size: 37741528, SHA256: "daba837a68265cae38c832d13399b61dab811891de9b8914defddef143b849f2", From: "nvidia/cu13/bin/ptxas"},
		{Name: "nvidia/cu13/bin/nvlink", Size: 38140392, SHA256: "b67c653b9b70bce76b55dded170618bea82f58bdac821bca7c6a7829a4d2b125", From: "nvidia/cu13/bin/nvlink"},
		{Name: "nvidia/cu13/bin/fatbinary", Size: 1245208, SHA256: "0d2d733d07ae4edbc8ebd3dcf4e25ed4eeffb775c64847f4d1ab9254b31ec7d6", From: "nvidia/cu13/bin/fatbinary"},
		{Name: "nvidia/cu13/nvvm/libdevice/libdevice.10.bc", Size: 464132, SHA256: "91334d6e12748f6cb5bbf0a1cd965a56bcd93dc4f496d2e5c5f8c6e523094356", From: "nvidia/cu13/nvvm/libdevice/libdevice.10.bc"},
		{Name: "nvidia/cu13/lib/libcublas.so.13", Size: 54177976, SHA256: "e70f38efabe986acd5eb683497c62f0f1730a6176ee291d9d24c6e339d1fbf86", From: "nvidia/cu13/lib/libcublas.so.13"},
		{Name: "nvidia/cu13/lib/libcublasLt.so.13", Size: 541595600, SHA256: "656298c804f5adbb0df930545c17911b9584ab4e5101c0eeb65d1fe881d880f8", From: "nvidia/cu13/lib/libcublasLt.so.13"},
		{Name: "nvidia/cu13/lib/libcudart.so.13", Size: 704288, SHA256: "96c42e418cec19054186b9429c321603cc190bf26a18104e19408117a2a817b0", From: "nvidia/cu13/lib/libcudart.so.13"},
		{Name: "nvidia/cu13/lib/libcufft.so.12", Size: 286542352, SHA256: "0933f68bb7e3bf90f86d70bc87cd2f69027f7757e89e5de5e19ec33a53fd8d3a", From: "nvidia/cu13/lib/libcufft.so.12"},
		{Name: "nvidia/cu13/lib/libcupti.so.13", Size: 4152208, SHA256: "e2f9ed861fe27c492b8bb52b5e3220ef5120f3edcda36312e96b7fd8a186be3e", From: "nvidia/cu13/lib/libcupti.so.13"},
		{Name: "nvidia/cu13/lib/libcusolver.so.12", Size: 141152872, SHA256: "c571d524fc5571e6c8a5784d51f75fbe8cf17590463c397a06e48428cb926c48", From: "nvidia/cu13/lib/libcusolver.so.12"},
		{Name: "nvidia/cu13/lib/libcusparse.so.12", Size: 162565256, SHA256: "09339f848f60bb1111a61ee0fe91ed0c25132b7ff63298244d7ac14e61b58466", From: "nvidia/cu13/lib/libcusparse.so.12"},
		{Name: "nvidia/cu13/lib/libnvJitLink.so.13", Size: 98806736, SHA256: "931347fa77d9fd5511059e04627f122b1ee33e409f22c3273ddddbe065713a3a", From: "nvidia/cu13/lib/libnvJitLink.so.13"},
		{Name: "nvidia/cu13/lib/libnvrtc-builtins.so.13.0", Size: 4380616, SHA256: "91dcd944d01da9c0f08fff5d779db136a47f6d62bdb63bae900d2f481e92c3a2", From: "nvidia/cu13/lib/libnvrtc-builtins.so.13.0"},
		{Name: "nvidia/cu13/lib/libnvrtc.so.13", Size: 109338064, SHA256: "a49e67e8e74590f1e98de55c39c6287efd3f59e3c3797464d7bbe0fe01349b11", From: "nvidia/cu13/lib/libnvrtc.so.13"},
		{Name: "nvidia/cu13/lib/libnvvm.so.4", Size: 63019680, SHA256: "cba8e2ef6d74de6cde906760d8a0d701df1f3559a5703a21132aaf451037c524", From: "nvidia/cu13/lib/libnvvm.so.4"},
		{Name: "nvidia/cudnn/lib/libcudnn.so.9", Size: 125144, SHA256: "7ee289e52563f78db59910fe9af6acb7b502d250ad4b7c2d3e4a0bc10616d456", From: "nvidia/cudnn/lib/libcudnn.so.9"},
		{Name: "nvidia/cudnn/lib/libcudnn_adv.so.9", Size: 107071928, SHA256: "7bbefc7523c831d9c03ac212093fe5cfdf22e81b81fa2ea7555433fc1db2c8f0", From: "nvidia/cudnn/lib/libcudnn_adv.so.9"},
		{Name: "nvidia/cudnn/lib/libcudnn_cnn.so.9", Size: 4204152, SHA256: "18d90cbbb52de316766c00bd77314f992b901809b535b221c7de08914b7c1c87", From: "nvidia/cudnn/lib/libcudnn_cnn.so.9"},
		{Name: "nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9", Size: 234908152, SHA256: "49b0c2627085e027948bd8660e2ca00ab8dad5e8dbce9a701b8063d94fc6f7cb", From: "nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9"},
		{Name: "nvidia/cudnn/lib/libcudnn_engines_runtime_compiled.so.9", Size: 27290312, SHA256: "7bc19c4c54061bcc8c2eb19c0986b23933bfefa2aa53cec310d5cd304ca20471", From: "nvidia/cudnn/lib/libcudnn_engines_runtime_compiled.so.9"},
		{Name: "nvidia/cudnn/lib/libcudnn_graph.so.9", Size: 4457352, SHA256: "e80f394870a8567fa421b7991ff3f3ab668dfba7d8705872f9ed11e3b36b448b", From: "nvidia/cudnn/lib/libcudnn_graph.so.9"},
		{Name: "nvidia/cudnn/lib/libcudnn_heuristic.so.9", Size: 56629720, SHA256: "d1a7d1672d3a58d411ee3584073e23251c649e76809873e4311a8aa34056d0be", From: "nvidia/cudnn/lib/libcudnn_heuristic.so.9"},
		{Name: "nvidia/cudnn/lib/libcudnn_ops.so.9", Size: 37758712, SHA256: "41beb128587b3ecb0b7f52b716ecdcfd52572953e956b3473f57ef4e811ec471", From: "nvidia/cudnn/lib/libcudnn_ops.so.9"},
		{Name: "nvidia/nccl/lib/libnccl.so.2", Size: 217995896, SHA256: "1c8618b866734cbdd5401715d6178be763ece283b7f808ecf86dedab211162c1", From: "nvidia/nccl/lib/libnccl.so.2"},
	}
}
