// Package lm asks language models how likely they find texts: the log-probability of continuations given a prompt, which is what priors over actions and
// judgements of an AI labeller are made of.
//
//	m, err := lm.Open(ctx, lm.Options{Say: func(s string) { fmt.Println(s) }}) // SmolLM2-135M-Instruct; the first time 93 MB are fetched
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	scores, err := m.Score(ctx, lm.Query{
//		Prompt:        "My partner selected 3. I should select the same number. So I should select",
//		Continuations: []string{" 1", " 2", " 3"},
//	})
//	fmt.Println(lm.Choice(scores[0], 1)) // probabilities among the three
//
// A [Scorer] is one of
//
//   - [Local], a model of the llama family from a GGUF file, in this process and on our own engine: no server, no Python, the CPU or a GPU. What it does not
//     know it refuses: other architectures, other tokenizers, other ways to write chats.
//   - [LlamaServer], llama.cpp's server, started and stopped by us, for whatever llama.cpp can read.
//   - [Remote], any endpoint that speaks OpenAI's protocol and returns log-probabilities.
//   - [Table], a file that answers first and asks one of the others only for what it does not have. It says which model made it, and when.
//
// # How it computes
//
// All prompts of a call, with all their continuations, go through the model as one row of tokens, in which every token sees only its own ancestors: what
// texts have in common at the beginning is computed once. Only the tokens that are scored meet the vocabulary. Rows are rounded up to a few lengths, as each
// is compiled anew, a second or two with a small model. Weights are float32, whatever the file has.
//
// Log-probabilities agree with a forward pass in numpy to 1e-4 a token, and texts are cut as llama.cpp cuts them. llama.cpp's own log-probabilities differ by
// some tenths a token, because it quantises what flows between the layers: store the numbers that you rely on in a table.
package lm
