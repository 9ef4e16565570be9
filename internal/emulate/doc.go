// Package emulate gives a model that only reads and writes text what it lacks.
//
// What lives here is how past tool calls and their results are written as text
// (MessageText), how tools and formats are explained to the model (Plan), and how
// its calls are read and its answers held to a format (Shaper). What must not: the
// platform, sessions, and the JSON of any dialect.
//
// # The notation
//
// A call stands on a line of its own after the text of its message, as a JSON
// object with the keys name and arguments, in this order:
//
//	<tool_call>{"name": "get_weather", "arguments": {"city":"Paris"}}</tool_call>
//
// Arguments are the JSON value that the model wrote, white space between its
// tokens removed; what is not valid JSON is a JSON string of it. Within the object
// a `<` that would begin one of the tags is written \u003c.
//
// A result is the text between two lines of tags. Its id is the number of its call in
// the answer that made it, counted from 1; a call whose answer is not known has the
// client's id. An attribute that is not known is left out, so there may be none:
//
//	<tool_result id="1" name="get_weather">
//	18 °C and sunny
//	</tool_result>
//
// In attributes & < > " and line breaks are character references, as in HTML.
//
// In the text of a result and of an assistant's message a `<` that would begin or
// end one of the tags, or begin a `<function=`, is written `&lt;`; where the text has
// that reference in front of a tag's name already, its & is written `&amp;`, and so is
// the & of a `&gt;` that ends the tag. So every text is told from every tag, every
// text can be had back exactly, and HTML, code and XML of other names stay as they
// are. Where the model knows of tools, the same is done to messages of other roles
// and to the instructions: the model would make calls of tags that it quotes. Its
// text is read back the same way: one level of these references is taken off, and
// `&lt;tool_call&gt;` becomes `<tool_call>`. Arguments of calls are not touched.
//
// # What the model is told
//
// Tools are listed between two lines, each as a JSON object with the keys name,
// description and parameters (the JSON Schema) on a line of its own; there may be
// several lists. The schema of an answer stands between two lines as well. In both
// a `<` of these tags and those above is written \u003c.
//
//	<tools>
//	{"name":"get_weather","description":"…","parameters":{"type":"object",…}}
//	</tools>
//
//	<json_schema name="report">
//	{"type":"object",…}
//	</json_schema>
//
// This goes into the session's prompt, behind the client's own instructions, and
// what a prompt cannot hold goes in front of a session's first text. Nothing is cut.
//
// # What the model writes
//
// Where the request has tools, or the session was told of some before, a `<tool_call>`
// begins a call unless it stands in a code fence or in inline code: a call that may be
// made or a failed one, but never text. It ends at `</tool_call>` or at the next call.
// One that ends with the answer is whole only if its JSON is. A tag inside a string of
// the JSON is content. JSON is repaired where its meaning is plain (see repair); then
// the name must be one that may be called, and the arguments valid under its schema.
// A text that asks for a repair begins with RepairIntro.
//
// Forms that models were trained to write are read too, where they are clear:
//
//	<tool_call>[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]</tool_call>
//	<tool_call name="get_weather">{"city": "Paris"}</tool_call>
//	<function=get_weather><parameter=city>Paris</parameter></function>
//	<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>
//
// The calls in a reasoning that the model never ends are those of the answer.
package emulate
