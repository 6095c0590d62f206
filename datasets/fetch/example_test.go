package fetch_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

func ExampleEnsure() {
	tmp, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(tmp)
	os.Setenv(fetch.EnvCache, filepath.Join(tmp, "cache"))
	defer os.Unsetenv(fetch.EnvCache)
	os.WriteFile(filepath.Join(tmp, "hello.txt"), []byte("hello\n"), 0o644)

	dir, err := fetch.Ensure(context.Background(), fetch.Item{
		Name: "greeting",
		Dir:  "demo/greeting",
		Files: []fetch.File{{
			Name:   "hello.txt",
			Size:   6,
			SHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
		}},
		Ways: []fetch.Way{fetch.Folder(tmp)},
	}, nil)
	fmt.Println(filepath.Base(dir), err)
	// Output: greeting <nil>
}
