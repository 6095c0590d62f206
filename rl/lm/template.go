package lm

import "fmt"

// template writes a chat out as the model was taught to read it.
type template struct {
	name string
	// text is the template in the file, by which it is known. Templates are programs; those that are not listed are refused, not run.
	text string
	// turn is the user's message with everything around it, up to where the answer begins.
	turn func(message string) string
}

// templates are the ones that are known.
var templates = []template{
	{
		name: "smollm2",
		text: "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}" +
			"{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
		turn: func(message string) string {
			return "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n" + message + "<|im_end|>\n<|im_start|>assistant\n"
		},
	},
	{
		name: "chatml",
		text: "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
		turn: func(message string) string {
			return "<|im_start|>user\n" + message + "<|im_end|>\n<|im_start|>assistant\n"
		},
	},
}

// templateOf finds the template of a file; nil: it is not known.
func templateOf(text string) *template {
	for i := range templates {
		if templates[i].text == text {
			return &templates[i]
		}
	}
	return nil
}

// prompt is the whole text before the continuations.
func (q Query) prompt(chat *template) (string, error) {
	if !q.Chat {
		return q.Prompt, nil
	}
	if chat == nil {
		return "", fmt.Errorf("query %.60q: the model's chat template is not known here: write it into Prompt, and leave Chat false", q.Prompt)
	}
	return chat.turn(q.Prompt) + q.Begin, nil
}
