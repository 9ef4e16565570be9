// Package emulate provides tool calls and answer formats for a model that only reads and writes
// text.
//
// It writes past tool calls and their results as text (MessageText), explains tools and formats to
// the model (Plan), reads the model's calls, and checks its answers against a format (Shaper). It
// knows nothing of the platform, of sessions, or of the JSON of any API dialect.
//
// # The notation
//
// A call is on a line of its own after the text of its message. It is a JSON object with the keys
// name and arguments, in this order:
//
//	<tool_call>{"name": "get_weather", "arguments": {"city":"Paris"}}</tool_call>
//
// Arguments are the JSON value that the model wrote, without white space between its tokens. If
// that is not valid JSON, they are a JSON string of it. Inside the object, a `<` that would begin
// one of the tags is written \u003c.
//
// A result is the text between two lines with tags. Its id is the number of its call in the answer
// with that call, starting at 1. If that answer is unknown, the id is the client's. An unknown
// attribute is left out, so a result may have no attributes:
//
//	<tool_result id="1" name="get_weather">
//	18 °C and sunny
//	</tool_result>
//
// In attributes, & < > " and line breaks are character references, as in HTML.
//
// In the text of a result and of an assistant's message, a `<` that would begin a tag or a closing
// tag, or a `<function=`, is written `&lt;`. If the text already has that reference in front of a
// tag's name, its & is written `&amp;`, and so is the & of a `&gt;` that ends the tag. So no text
// can be taken for a tag, the original of every text can be restored exactly, and HTML, code and
// XML with other names stay as they are. If the model knows of tools, the same is done to messages
// of other roles and to the instructions, because a model that quotes a tag would make a call. The
// model's own text is read back in the opposite way: one level of these references is removed, and
// `&lt;tool_call&gt;` becomes `<tool_call>`. Arguments of calls are not changed.
//
// # What the model is told
//
// Tools are listed between two lines with tags: the name of each on a line of its own, its
// description as it is, and the type of its arguments. A line of a description that looks like one
// of the two other lines has a backslash in front. There may be several lists.
//
//	<tools>
//	=== get_weather ===
//	Tells the weather of today.
//	Arguments: {
//	// The city, in English.
//	city: string
//	unit?: "c" | "f" (default: "c")
//	days?: integer (minimum: 1, maximum: 10)
//	places?: {
//	  name: string
//	  ...
//	}[]
//	}
//	</tools>
//
// A type has all that a JSON Schema has, in fewer tokens. A property that is not required has a
// question mark; an object that may have other properties ends with `...`, or with `...: TYPE`.
// Enums and constants are JSON literals, and anyOf is a union. Lines with // are the description
// of the property below. All other keywords follow in parentheses, with their value as JSON.
//
// The schema of an answer is also between two lines with tags. A `<` of these tags and of those
// above is written \u003c in JSON, and &lt; in texts.
//
//	<json_schema name="report">
//	{"type":"object",…}
//	</json_schema>
//
// These instructions are a part of the session's prompt, after the client's own instructions. What
// does not fit into a prompt goes in front of the session's first text. Nothing is cut off.
//
// # What the model writes
//
// If the request has tools, or the session has been told of tools before, a `<tool_call>` begins a
// call, except in a code fence or in inline code. Such a tag is never text: its call is valid or
// it fails. A call ends at `</tool_call>` or at the next call. A call that ends with the answer is
// complete only if its JSON is. A tag inside a string of the JSON is content. JSON is repaired
// where its meaning is clear (see repair). Then the name must be one that may be called, and the
// arguments must be valid under its schema. A text that asks for a repair begins with RepairIntro.
//
// Other forms that models were trained to write are also read, if they are clear:
//
//	<tool_call>[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]</tool_call>
//	<tool_call name="get_weather">{"city": "Paris"}</tool_call>
//	<function=get_weather><parameter=city>Paris</parameter></function>
//	<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>
//
// If the model never ends its reasoning, the calls in the reasoning are those of the answer.
package emulate
