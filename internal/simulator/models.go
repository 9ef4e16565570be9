package simulator

import (
	"net/http"
	"strconv"
	"strings"
)

// Model is one entry of the platform's model list. The list has a Value once for each group (Tag) of the model.
type Model struct {
	Value      string // the model of a session
	Label      string // the name for people, and the model of a record
	Points     string // price of one question as a text: "2积分", "免费"
	Tag        string
	Note       string
	Multimodal bool   // accepts files
	OnlyImages bool   // accepts only pictures as files
	Type       string // "" is "chat"; version 3.1 and later send it

	Reasons bool // its answers begin with a <think> block
	Draws   bool // its answers have a picture
}

// DefaultModels returns the models of a platform without Options.Models.
func DefaultModels() []Model {
	const recommended, search, documents, pictures = "推荐", "联网模型", "文件多模态", "图片模型"
	return []Model{
		{Value: "claude-sonnet-4-5-20250929", Label: "Claude Sonnet 4.5", Points: "2积分", Tag: recommended, Note: "长文与代码", Multimodal: true, OnlyImages: true},
		{Value: "gpt-5.1-high", Label: "GPT-5.1 High", Points: "2积分", Tag: recommended, Note: "高强度推理", Multimodal: true, OnlyImages: true},
		{Value: "gemini-3-pro-preview", Label: "Gemini 3 Pro", Points: "1积分", Tag: recommended, Note: "快速 & 全能", Multimodal: true, OnlyImages: true},
		{Value: "demo-thinker", Label: "Demo Thinker 深度思考", Points: "免费", Tag: recommended, Note: "先思考再回答", Reasons: true},
		{Value: "gemini-3-pro-preview-search", Label: "Gemini 3 Pro 联网", Points: "2积分", Tag: search, Note: "联网搜索"},
		{Value: "claude-sonnet-4-5-20250929", Label: "Claude Sonnet 4.5 文件", Points: "2积分", Tag: documents, Note: "阅读文档", Multimodal: true},
		{Value: "gemini-3-pro-preview", Label: "Gemini 3 Pro", Points: "1积分", Tag: documents, Note: "阅读文档", Multimodal: true},
		{Value: "gemini-3-pro-preview-image", Label: "Gemini 3 Pro 绘图", Points: "100000积分", Tag: pictures, Note: "文生图 <高清>", Multimodal: true, OnlyImages: true, Draws: true},
	}
}

// findModel returns the first entry with this value.
func (s *Simulator) findModel(value string) (Model, bool) {
	for _, m := range s.opts.Models {
		if m.Value == value {
			return m, true
		}
	}
	return Model{}, false
}

// price returns the number in Points, such as 2 for "2积分", or 0 when there is none.
func (m Model) price() int {
	digits := strings.TrimRight(m.Points, "积分 ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

func (m Model) isChat() bool { return m.Type == "" || m.Type == "chat" }

// modelJSON is an entry of the model list, with the keys in the order of the platform.
type modelJSON struct {
	Label    string    `json:"label"`
	Value    string    `json:"value"`
	Attr     modelAttr `json:"attr"`
	Provider string    `json:"providerKey,omitempty"` // 3.1
	Type     string    `json:"modelType,omitempty"`   // 3.1
}

type modelAttr struct {
	Icon         string          `json:"icon"`
	Integral     string          `json:"integral"`
	Multimodal   bool            `json:"multimodal"`
	Note         string          `json:"note"`
	OnlyImg      bool            `json:"onlyImg"`
	Plugin       bool            `json:"plugin"`
	Tag          string          `json:"tag"`
	Capabilities map[string]bool `json:"capabilities,omitempty"` // 3.1
}

func (s *Simulator) newModelJSON(m Model) modelJSON {
	e := modelJSON{Label: m.Label, Value: m.Value, Attr: modelAttr{
		Icon: "/file/icon.png", Integral: m.Points, Multimodal: m.Multimodal,
		Note: m.Note, OnlyImg: m.OnlyImages, Tag: m.Tag,
	}}
	if s.isVersion31 {
		e.Provider, e.Type = "demo", m.Type
		if m.isChat() {
			e.Type = "chat"
		}
		e.Attr.Capabilities = map[string]bool{
			"imageInput": m.Multimodal, "anyFile": m.Multimodal && !m.OnlyImages,
			"tools": false, "stream": true, "systemRole": true, "thinking": m.Reasons,
		}
	}
	return e
}

// listModels serves GET /api/chat/tmpl: the models and the settings of a user interface. The platform sends a map, so
// the keys are in alphabetical order.
func (s *Simulator) listModels(w http.ResponseWriter, _ *http.Request, _ int64) {
	models := make([]modelJSON, len(s.opts.Models))
	for i, m := range s.opts.Models {
		models[i] = s.newModelJSON(m)
	}
	data := map[string]any{
		"cm": false, "defModel": s.defaultModel(), "defaultChat": "<p>有什么可以帮您？</p>", "genLine": 0, "genTitle": false,
		"mFileCount": 5, "mFileSize": 5, "mcp": nil, "models": models, "notice": "", "ocp": false, "p": false,
		"plugins": nil, "rm": true, "sessionHoverSetting": false, "showTokens": true, "thinkModel": "",
		"toggleTipTime": 0, "tooltipsText": "<b>提示</b>", "voice": false,
	}
	if s.isVersion31 {
		data["mFileCount"], data["mFileSize"], data["mcp"], data["webSearchOpen"] = 8, 10, []any{}, true
		data["providers"] = []any{map[string]any{"idKey": "demo", "name": "Demo", "icon": "", "sort": 1}}
	}
	writeData(w, data)
}

func (s *Simulator) defaultModel() string {
	if len(s.opts.Models) == 0 {
		return ""
	}
	return s.opts.Models[0].Value
}
