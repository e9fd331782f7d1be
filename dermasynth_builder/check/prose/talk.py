"""How models speak of themselves, of a service, of an image that did not come, and of what they were told.

Patterns for texts in lower case, by what they tell; each is tried alone, where its letters stand in a text. They name
what a model is given (a prompt, a label, a table) and how one speaks of it, not whole phrases, so that other wordings
of the same are found.
"""

import re

_IMAGE = r"(?:images?|photo(?:graph)?s?|pictures?|attachments?|files?|scans?)"
_CANNOT = (
    r"\b(?:i|we)(?:['’]m| am| are|['’]re|['’]d| would)?(?: \w+ly| just| afraid(?: that)? i| going to"
    r"| sorry,? but i)? (?:can(?:not|['’]t| not)|could not|couldn['’]t|won['’]t|will not|unable to|not able to"
    r"|not (?:allowed|permitted|authori[sz]ed|qualified|equipped|supposed|designed) to|not in a position to"
    r"|refuse to|(?:must|have to|need to|would rather) (?:decline|refuse)(?: to)?|decline to"
    r"|not comfortable(?: with)?|do not feel comfortable(?: with)?|don['’]t feel comfortable(?: with)?"
    r"|should not|shouldn['’]t|prefer not to|rather not)"
)
_HONEST = (
    r"[^.;]{0,60}\b(?:from (?:an?|one|the|this|that|your|only) |alone\b|with (?:certainty|confidence)"
    r"|definitively|for (?:sure|certain)|reliably|exactly|without (?:a |an |any |further |touch|biops|histolog"
    r"|more|know|see)|until|by (?:eye|looking)|based on (?:an?|one|the|this) (?:single )?" + _IMAGE + r")"
)
_REFUSAL = (
    _CANNOT + r" (?:provide|offer|give|make) (?:you )?(?:an? |any )?(?:description|analysis|assessment"
    r"|interpretation|reading|diagnosis) (?:of|for|on) (?:medical|this|the|your|such|any|these)\b",
    _CANNOT + r" (?:help|assist|comply|fulfil\w*|continue|engage|answer (?:this|that|the|your|medical|questions)"
    r"|process (?:this|that|the|your|images?|it)|(?:view|see|open|access|look at) (?:this|that|the|your|any|an)?\s?"
    + _IMAGE
    + r"|respond to|support (?:this|that)|discuss|talk about|comment on|be of (?:help|assistance))\b",
    _CANNOT + r" (?:provide|offer|give|make|supply|share|identify\w*|diagnos\w+|interpret\w*|analy[sz]\w+"
    r"|evaluat\w+|assess\w*|describ\w+|examin\w+|generat\w+|creat\w+|discussing|commenting|providing|giving"
    r"|offering) (?:you (?:with )?)?(?:on )?(?:medical|health|clinical|(?:an?|any|the|your|specific"
    r"|personal) (?:\w+ )?(?:diagnos\w+|advice|opinions?|assessment|interpretation|recommendations?)|diagnos\w+"
    r"|advice|(?:this|the|your|these|that|such|any|real|sensitive|intimate|images?|photos?|pictures?|conditions?"
    r"|people|skin conditions?|body parts?)(?: (?:kind|type|sort) of)?(?: \w+)? ?(?:" + _IMAGE + r"|requests?"
    r"|questions?|content|topics?|conditions?|people|persons?)?|it\b|that\b|this\b)(?: (?:\w+ )?(?:advice"
    r"|opinions?|diagnos\w+|information|guidance|assessments?|judge?ments?|interpretations?|recommendations?"
    r"|help))?(?=[.,;!]| (?:because|as|since|for|due|of|in|that|and|or|here|to|at|but|from|about|without|for|on"
    r"|based|regarding)\b|$)",
    r"\b(?:i|we) (?:must|have to|need to|will have to|am going to have to) (?:\w+ )?(?:decline|refuse)",
    r"\b(?:my|our|the) (?:\w+ )?(?:guidelines|polic(?:y|ies)|instructions|rules|programming|restrictions"
    r"|safety \w+) (?:do(?:es)? not|don['’]t|doesn['’]t|prevents?|forbids?|prohibits?|restricts?|keeps?|stops?"
    r"|bars?)(?: \w+)? (?:me|us|it|this|allow|permit|let)",
    r"\b(?:against|violat\w+|breach\w*) (?:my|our|the|its) (?:\w+ )?(?:polic(?:y|ies)|guidelines|terms|rules)",
    r"\b(?:content|usage|safety|content management|use) (?:polic(?:y|ies)|guidelines)",
    r"\b(?:sensitive|explicit|graphic|inappropriate|intimate) (?:\w+ )?(?:content|material|imagery)",
    r"\bunable to (?:assist|comply|fulfil\w* (?:this|the|your) request|process (?:this|the|your) (?:image|request))",
    r"\bsomething (?:that )?(?:i|we)(?:['’]m| am| are|['’]re)? (?:unable|not able|not allowed|cannot|can['’]t"
    r"|won['’]t|will not)\b",
    r"\b(?:this|your|the) request (?:cannot|can['’]t|could not|couldn['’]t) be",
    r"\bi(?:['’]m| am) (?:not|no) (?:an? |qualified |licensed )?(?:qualified |licensed |trained "
    r"|real )*(?:doctor|medical professional|dermatologist|physician|clinician|expert|healthcare \w+)",
    r"\bi(?:['’]m| am) (?:sorry|afraid),? (?:but )?i?(?: ?(?:can(?:not|['’]t)|am unable|['’]m unable|won['’]t"
    r"|am not able|['’]m not able))(?! (?:tell|say|see|judge|make out|be (?:sure|certain)|know|rule|measure|feel))",
)
_AI = (
    r"\b(?:as|being|i am|i['’]m|merely) (?:just |only |merely |but )?(?:an? |any )?(?:(?:large|helpful|virtual"
    r"|digital|medical|multimodal|multi-modal|vision|visual|language|vision-language|artificial|automated"
    r"|computer|text|text-based|online|neural|generative|trained|advanced|general|current|conversational|health"
    r"|dermatology) ){0,4}(?:ai|a\.i\.|llm|vlm|language model|multimodal model|vision(?:-language)? model"
    r"|ai model|(?:virtual|digital|ai|online|automated|helpful|computer|medical|health|text-based|conversational"
    r"|language) assistant|assistant(?=[,.;]| i\b| without| and)|chat ?bot|computer program|neural network"
    r"|artificial intelligence|machine learning model)\b",
    r"\bas (?:a|this) (?:large |trained |computer )?model,",
    r"\bai-(?:generated|written|based|assisted)\b",
    r"\bmy (?:training(?: data| set)?|knowledge cut-?off|programming|developers?|creators?|algorithms?|weights"
    r"|capabilities|abilities|context window|model)\b",
    r"\bknowledge cut-?off\b|\bmy (?:knowledge|information) (?:base|was|is|has|ends?|stops?|only|does|comes|reaches"
    r"|goes)\b"
    r"|\bas of my (?:last|latest|most recent)\b|\b(?:chatgpt|gpt|gemini|claude|llama|bard|copilot|the model"
    r"|the ai)['’]s"
    r" (?:\w+ )?(?:analysis|answer|response|reply|view|assessment|reading|opinion|verdict|description|take|output)\b",
    r"\b(?:developed|trained|made|created|built) by (?:google|openai|meta|anthropic|microsoft|alibaba|mistral"
    r"|deepmind)",
    r"\b(?:chatgpt|gpt-?\d|gemini(?:[ -]\d| pro| flash)|claude|llama|qwen|llava|medgemma|copilot)\b",
    r"\b(?:this|the) (?:reply|answer|response|text|description) (?:was|is|has been) (?:\w+ )?(?:generated"
    r"|written|produced|(?:created|composed|drafted|made) by)",
)
_NO_IMAGE = (
    r"\b(?:no|without (?:an?|the|any)|not any|lack of an?) (?:\w+ )?" + _IMAGE + r" (?:(?:was|were|is|are"
    r"|has been|have been|seems? to|came)(?: \w+){0,4} (?:attach\w*|provid\w*|upload\w*|includ\w*|receiv\w*"
    r"|shared|through|sent|visible to me|reached|arrived|available|present)|reached|arrived|came through|(?:in"
    r"|with|to|within) (?:our|this|the|your) (?:conversation|message|chat|request|prompt|input|question|thread)"
    r"|to (?:look at|go by|examine|analy[sz]e|work with|review|assess|evaluate|refer to))\b",
    r"\bno (?:\w+ )?" + _IMAGE + r" (?:attached|provided|uploaded|received|included|supplied|available|shared"
    r"|visible|present(?:ed)?)\b",
    _IMAGE + r" (?:itself |that you \w+ |you \w+ )?(?:did not|didn['’]t|failed to|could not|couldn['’]t|cannot"
    r"|can['’]t|does not|doesn['’]t|is not|isn['’]t|has not|hasn['’]t|was not|wasn['’]t|were not"
    r"|weren['’]t)(?: seem to| appear to)? (?:be |have |been )?(?:load|upload|open|come through|attach|display"
    r"|render|access|accessib|go through|gone through|arriv|receiv|includ|provid|process|transmit|reach"
    r"|available|there)\w*(?! the (?:eye|reader))(?! (?:needed|for))",
    r"\b(?:upload|link|attachment|file)\b[^.]{0,40}\b(?:did not|didn['’]t|not|n['’]t|broken|failed|corrupt\w*"
    r"|missing|invalid|go(?:ne)? through)\b",
    r"(?<!in )(?<!of )(?<!on )(?<!from )\b(?:the|your|this) " + _IMAGE + r" (?:is|appears|seems|came out|looks"
    r"|shows up)(?: to be)? (?:completely |entirely |all )?(?:blank|missing|black|empty|corrupt\w*|unavailable"
    r"|inaccessible)",
    r"\b(?:please|could you|can you|would you|kindly|if you|try to|try|feel free to)\b[^.?]{0,25}\b(?:upload"
    r"|attach|provide|send|share|re-?send|submit|paste|post|include)\w*\b[^.?]{0,40}\b"
    + _IMAGE
    + r"\b(?![^.?]{0,30}(?:doctor|dermatologist|clinic|physician|specialist))(?=[^.]{0,60}(?:so|and|then|i\b|again"
    r"|that|you|here|first|,|[.?!]|$))",
    r"\bi (?:do not|don['’]t|can['’]t|cannot|can not|could not|couldn['’]t|am unable to|am not able to"
    r"|['’]m unable to|['’]m not able to|have no way to|do not currently)(?: actually| currently| directly"
    r"| really| seem to| yet)* (?:see|view|access|open|have access to|have|receive|find|look at|process|load"
    r"|display) (?:any|an|the|your|this|that|either)?\s?(?:uploaded |attached |actual )?" + _IMAGE + r"\b(?!"
    r" quality)(?! of (?:the )?(?:past|earlier))",
    r"\bonce (?:you|i|it|the " + _IMAGE + r")\b[^.]{0,30}\b(?:upload|attach|shar|send|sent|provid|view|see it"
    r"|receiv)\w*",
    r"\bi(?:['’]m| am) (?:not seeing|unable to see|not able to see) (?:any|an|the|your|a) ",
    r"\bnothing (?:was|is|has been) (?:attached|uploaded|shared)\b",
)
_SERVICE = (
    r"\b(?:error|status|http)(?: code)?:? ?[45]\d\d\b",
    r"\b[45]\d\d:? (?:internal|bad|too many|service|forbidden|unauthori[sz]ed|not found|gateway|resource|error"
    r"|payload|request|client|server)",
    r"\b(?:rate[- ]limit|quota|token limit|context (?:length|window)|maximum (?:context|number of tokens"
    r"|length))\b(?: \w+){0,3} (?:exceed\w*|reach\w*|hit|is \d)",
    r"internal server error|bad gateway|gateway time-?out|service (?:is )?(?:temporarily |currently )?unavailable",
    r"(?:model|server|service|system|engine) (?:is |was )?(?:currently |temporarily )?(?:overloaded|busy"
    r"|unavailable|not available|down|at capacity|not found)",
    r"^\W*(?:\w+ ?)?(?:error|exception|warning|failed|failure|traceback)\b ?(?::|\(|\d)",
    r"traceback \(most recent|request timed? ?out|time-?out (?:error|while|after)|(?:invalid|missing"
    r"|incorrect) api key|finish_?reason|prompt_?tokens|max_?(?:new_?)?tokens",
    r"<\|?\w*\|?(?:im_start|im_end|eot_id|endoftext|begin_of_text|end_of_turn|start_of_turn|assistant|user"
    r"|system|image)\w*\|?>|<\|\w+\|>|\[/?inst\]|</?s>|</?think\w*>|<image>|</?(?:answer|response|reasoning"
    r"|thought)>",
    r"(?:message|prompt|input|request) (?:is|was|seems|appears|looks)(?: to be)? (?:like )?(?:empty|blocked"
    r"|too long|invalid|rejected|filtered|blank)",
    r"(?:seems|looks|appears) (?:like |that |as if )?(?:your|the) (?:message|prompt|input|request"
    r"|question) (?:is|was|got|may)",
    r"blocked (?:by|due to|for|because|as)\b[^.]{0,40}(?:safety|content|policy|filter|prohibit|recitation)"
    r"|safety (?:filters?|settings|system)|content filter\w*",
    r"resource_exhausted|connection (?:reset|refused|error|aborted|timed out)|exceeded (?:your"
    r"|the) (?:\w+ )?(?:quota|limit)|cuda|out of memory|(?:null|none)type|keyerror|valueerror|runtimeerror"
    r"|jsondecodeerror",
    r"please (?:try again|retry|modify your|rephrase your|check your (?:plan|api|billing|input|connection))"
    r"|try again (?:later|in a (?:few|moment))|how (?:can|may) i (?:help|assist) you\b",
    r"\b(?:assistant|user|system|human|model|bot)(?:<|\n| ?:)\s?(?=\S)(?<![a-z] )",
)
_GIVEN = r"(?:given|provided|supplied|shown|handed|told|sent|fed|passed|attached|assigned|listed|stated|supplied)"
_NEEDED_MORE = (
    r"(?! (?:is|are|would|could|might|may|should|will|can|must) (?:be )?(?:need|requir|help|use|lack|miss|necess"
    r"|import)\w*)(?! leaflet| sheet| would| could| might)"
)
_LEAK = (
    r"\b(?:isic|ham ?10000|pad-?ufes(?:-20)?|bcn ?20000|scin|derm12345|derm 12345|hiba) (?:taxonomy|archive"
    r"|label|set|table|database|collection|record|data|entry|row|metadata)\b",
    r"\b(?:the|this|patient|patient['’]s|medical|case|clinical) record (?:says?|states?|lists?|gives?|notes?"
    r"|mentions?|confirms?|tells?|reads?|holds?|describes?|specif\w+|has|puts?|identif\w+|shows?|indicates?)\b",
    r"\b(?:given|provided|supplied) weights\b|\bfile \S+\.(?:png|jpe?g|bmp|tiff?)\b|\buser-(?:provided|supplied)\b",
    r"\b\w+ (?:field|column|attribute) (?:is|says?|reads?|shows?|has|states?|holds?|gives?)\b",
    r"\b(?:confidential|private|secret|hidden|internal) (?:information|data|details|notes?|record|diagnosis)\b",
    r"\b(?:meta-?data|ground[- ]truths?|csv|spreadsheets?|json (?:object|format|output|response|file|reply)"
    r"|(?:the|valid|requested|as) json|system (?:prompts?|messages?)|structured data"
    r"|word (?:limit|count)|character limit|hidden context|file ?names?|training (?:data|set|example|pair|sample"
    r"|purposes)|(?<!is the )(?<!remains the )(?<!as the )reference(?:[- ]only)? (?:diagnos[ie]s|labels?|answers?"
    r"|class|standard|information|data|text|material|facts"
    r"|description)|(?:weighted|skin[- ]condition|source|original|target) labels?|annotators?|image captions?"
    r"|target (?:label|class|diagnosis)|gold[- ]standard label)\b(?! (?:and|of) (?:dermatolog|clinical))"
    r"|\b(?:the|this|our|your) data ?set (?:entry|row|record|says?|states?|lists?|label|annotation|gives?|notes?"
    r"|provides|indicates?|metadata|description|has (?:this|it))\b",
    r"\b(?:your|my|user|users|original|input|initial|above|this) (?:\w+ )?prompts?\b(?! (?:referral|attention"
    r"|treatment|evaluation|excision|biopsy|assessment|review|visit|removal|care|check|action|medical|specialist"
    r"|you to))|\b(?:the|that) (?:\w+ )?prompts?(?=[,.;:)]|['’]s|$| (?:says?|states?|asks?|contain\w*|gives?"
    r"|gave|mention\w*|include[sd]?|in|that|also|is|was|and i|which|for|you|i|provid\w+|specif\w+|require\w*"
    r"|tells?|told|itself|lists?|describes?|indicat\w+|holds?|names?)\b)",
    r"\b(?:in|from|by|per|following|with) (?:your |the )?prompts?(?=[,.;:)]|$)",
    r"\b(?:according to|based on|per|as (?:stated|given|noted|listed|indicated|described|recorded|mentioned"
    r"|specified|shown|documented|reported) (?:in|by|on|within)|from|in line with|by|consult\w*|match\w*"
    r"|agree\w* with|support\w* by|confirm\w* by|consistent with) (?:the|this|that|its|my|your|her|his|their|all"
    r"|these)? ?(?:(?:provided|given|supplied|accompanying|attached|hidden|internal|available|patient"
    r"|patient['’]s|case|clinical|medical|image|published|associated|additional|structured|background|included"
    r"|linked|self-reported|original|user) ){1,3}(?:file|chart|labels?|notes?|information|data|details?|context"
    r"|facts|descriptions?|summar(?:y|ies)|tags?|table|fields?|entr(?:y|ies)|diagnos[ie]s|class|attributes?"
    r"|background|text|document\w*|history)\b" + _NEEDED_MORE,
    r"\b(?:in|with|see|read(?:ing)?) (?:the|this|its|my|your|all|these)? ?(?:provided|given|supplied"
    r"|accompanying|attached|hidden|internal|image|published|associated|additional|structured|linked"
    r"|self-reported|original) (?:\w+ )?(?:file|chart|labels?|notes?|information|data|details?|context|facts"
    r"|descriptions?|tags?|table|fields?|entr(?:y|ies)|diagnos[ie]s|class|attributes?|text)\b" + _NEEDED_MORE,
    r"\b(?:the )?table (?:says?|states?|lists?|gives?|notes?|mentions?|tells?|reads?|names?|records?|puts)\b",
    r"\b(?:according to|based on|per|as (?:stated|given|noted|listed|indicated|described|recorded|mentioned"
    r"|specified|documented|reported) (?:in|by|on)) (?:the|this|its|my|your|her|his)? ?(?:files?|chart|labels?"
    r"|notes|tags?|record|entry|annotation|attributes?|case description)\b",
    r"\b(?:the|this|that|its|per) (?:file|chart|labels?|case file|entr(?:y|ies)|attributes?|annotation"
    r"|catalogu?e|data ?base|documentation|case description|clinical note|clinical description"
    r"|tags?)\b(?: \w+){0,2} (?:says?|states?|indicates?|shows?|lists?|gives?|notes?|mentions?|confirms?|tells?"
    r"|reads?|holds?|describes?|specif(?:y|ies)|has|puts?|suppli\w+|provid\w+|identif\w+|is|are|was|were|names?"
    r"|reports?|calls?|records?|for this|of this)\b",
    r"\b(?:the|provided|given|supplied|accompanying|internal|case|patient|patient['’]s|additional|self-reported"
    r"|structured|background|included|associated) (?:(?:patient|patient['’]s|medical|clinical|case"
    r"|self-reported) )?(?:data|information|details|context|description|facts|notes?|documentation|history"
    r"|background|tags?|labels?|summary|history taken|entr(?:y|ies)) (?:(?:that )?(?:was |were |is |are )?"
    + _GIVEN
    + r" )?(?:(?:to me|with (?:it|the "
    + _IMAGE
    + r")|for (?:this|the) (?:"
    + _IMAGE
    + r"|case)|above|below"
    r"|here) )?(?:says?|states?|indicates?|lists?|gives?|notes?|mentions?|confirms?|tells?|reads?|holds?"
    r"|describes?|specif(?:y|ies)|puts?|identif\w+|names?|reports?|include[sd]?|also|contain\w*)\b",
    r"\b(?:the|per|all|these|this|other|any) (?:provided|given|supplied|submitted) (?:\w+ )?(?:details?|data"
    r"|information|facts|context|description|labels?|diagnos[ie]s|history|notes?|background|class|text)\b",
    r"\b(?:the|your|my|this|per|assigned|its) (?:assigned|recorded|labell?ed|registered|catalogu?ed|listed"
    r"|documented|pre-?assigned|tagged) (?:diagnos[ie]s|label|class|category|age|site|sex|diameters?|facts?"
    r"|details|phototype|answer|lesion location|location|skin type|tags?|condition|symptoms?|duration)\b",
    r"\b(?:the|this) (?:annotated|published|provided|supplied|stated|given) (?:diagnos[ie]s|label|age|site|sex"
    r"|diameters?|facts?|class|details|phototype|answer|lesion location)\b",
    r"\b(?:label|class|confidence) weights?\b|\bweights? of 0?\.\d|\bwithout (?:revealing|disclosing"
    r"|giving away) (?:the|any|that|its)\b"
    r"|\b(?:we|i) (?:need|have|are|am) (?:to|supposed to|going to|meant to) (?:produce|generate|output|craft"
    r"|compose) (?:an?|the)\b",
    r"\b(?:the|all|these) (?:[\w-]+ )?(?:fields|columns|attributes|entries)(?: (?:of|in) (?:the|this"
    r"|that) \w+)? (?:read|mention|say|state|show|list|are|give|contain"
    r"|hold|tell)"
    r"\b|\b(?:the|this|its|image|figure) (?:captions?|legend) (?:says?|states?|reads?|tells?|names?|gives?|mentions?"
    r"|notes?"
    r"|calls?|describes?|indicates?|identif\w+)\b|\b(?:in|from|of|by|with|to) (?:the|your|this|my) input\b(?! (?:of"
    r"|from) )",
    r"\b(?:fields?|columns?|flags?|attributes?|keys?|variables?|parameters?) [\"'‘“’]?\w+[\"'’”]? (?:is|are|was"
    r"|says?|reads?|shows?|has|=|set)|\b(?:is|are|was|were) set to (?:true|false|none|null|\d)|\brecords (?:say"
    r"|show|state|indicate|list|give|mention|confirm|tell)\b",
    r"\b(?:data|information|details?|context|facts|diagnos[ie]s|label|history|age|description|class|record"
    r"|notes?|site)(?: that| which)? (?:you|i(?: was|['’]ve been| have been| had been| am| got)|we(?: were"
    r"| have been)) (?:also |then |just )?(?:gave|given|provided|supplied|handed|fed|passed)(?: me"
    r"| us)?\b(?! (?:a|an|no|up|over) )",
    r"\b"
    + _GIVEN
    + r" (?:to (?:me|us)|along with|together with|above|below|with) ?(?:the|this|your|it)? ?(?:"
    + _IMAGE
    + r"|question|case|prompt|in the)",
    r"\b(?:that|which|information|notes?|text|details) (?:came|comes|arrived|is attached|was attached"
    r"|accompan\w+) (?:with|along with|alongside)? ?(?:the|this|your) " + _IMAGE,
    r"\b(?:label|class|category|tag|diagnosis)s? (?:that (?:is|was) )?(?:assigned|attached|belonging) (?:to|for"
    r"|with) (?:this|the|that) (?:" + _IMAGE + r"|case|lesion)",
    r"\b(?:tagged|catalogu?ed|coded|registered|filed) (?:as|here|in (?:the|this) (?:data|record|file|archive"
    r"|entry)|under)\b(?! (?:differential|one of|among))",
    r"\b(?<!biopsy )(?:on|in) (?:the )?(?:record|file)\b(?! at | of (?:changes|photographs|photos|the changes))",
    r"\b(?:as|like) (?:you )?(?:instructed|requested|asked|told|specified|directed)(?: me| to|,|\.)|\bi(?: was"
    r"| am|['’]m| have been|['’]ve been| had been|['’]d been) (?:told|given|instructed|asked|supposed|directed"
    r"|required|shown"
    r"|handed)\b(?! (?:a (?:chance|choice)|that it (?:itch|hurt|bled)))|\b(?:you|they) (?:asked|told|instructed"
    r"|want(?:ed)?) me (?:to|not)|\bthe (?:task|assignment|exercise) (?:is|was|says|asks|requires)"
    r"|\bmy (?:instructions|task|assignment)|\bthe (?:user|instructions?) (?:also )?(?:asks?|says?|wants?"
    r"|states?|tells?|requires?|prompt|provid\w+|gave|mention\w*|require\w*)",
    r"\bi (?:must|may|should|can|am) not (?:to )?(?:reveal|disclose|mention|name|state|give away|refer to|use"
    r"|repeat) (?:the |any |that |what )",
    r"\b(?:following|per|follow) (?:the|your|these|those|my) (?:\w+ )?(?:instructions|rules|guidelines (?:in|of"
    r"|given|above|you|for this (?:task|answer))|constraints|format|output format)\b(?! (?:on|for use|from"
    r"|of the (?:clinic|doctor|pharmac\w+)|that came|in the (?:leaflet"
    r"|package|box)))",
    r"\b(?:requested|required|desired|specified|asked-for) (?:word|length|format|number of|style|output|tone"
    r"|structure)|\b(?:this|my|the) answer (?:stays|keeps|is kept|avoids|contains|does not mention|follows|meets"
    r"|complies)",
    r"\b(?:a |the )?question(?: and an?|-| and )answer (?:pair|for training)|for (?:the )?training (?:of|a"
    r"|purposes|data)",
    r"\b(?:pat_\d+|isic_\d{5,}|derm_\d{3,}|image id|patient id|lesion id|case id)\b",
)
_INSTRUCTS = (
    r"\byou are (?:an? |the )?(?:\w+[- ]){0,4}(?:dermatologist|assistant|expert|physician|doctor|clinician"
    r"|specialist|teacher|consultant|model|ai)\b(?! (?:should|can|may|has|will|who))(?=[.,:;]| (?:who|with"
    r"|answering|specialis|tasked|helping|and)|$)",
    r"\b(?:do not|don['’]t|never|without|avoid) (?:use|using|mention|mentioning|include|including|write|writing"
    r"|output|add|adding|reveal|refer(?:ring)? to|give) (?:any |the |these |a )?(?:\w+ )?(?:lists?|bullet\w*"
    r"|markdown|headings?|instructions|metadata|preamble|prompt|disclaimers?|json|emoji\w*)",
    r"\b(?:answer|write|reply|respond|describe|explain|keep it|limit \w+(?: \w+)?|use)(?: \w+){0,6} (?:in|to"
    r"|within|using|of|at most|no more than|under|exactly) (?:at most |no more than |about |around |up to "
    r"|exactly |one |only )*(?:\d+|one|two|three|four|five|six|seven|eight|ten|fifty|hundred)(?: (?:to|or|-) \w+"
    r"|-\w+)? (?:full |short |complete |plain )?(?:sentences?|words|lines|paragraphs?|bullet points?)",
    r"\b(?:answer|question|response|output|user|assistant|q|a)\s?:(?=\s)[^:]{3,300}?[.?!]\s(?:answer|question"
    r"|response|output|user|assistant|q|a)\s?:",
    r"\b(?:return|output|respond with|reply with|give) (?:only |just |a )?(?:valid )?(?:json|plain text"
    r"|the answer only|only the)\b",
    r"\b(?:no|without) (?:lists?|bullet points?|headings?|markdown)(?:,| and| or) (?:no |without )?(?:lists?"
    r"|bullet\w*|headings?|markdown|preamble)",
    r"^(?:task|instructions?|context|record|facts|metadata|question|prompt|input|image|note to self"
    r"|answer format)\s?:",
)
_HINT = (
    r"\b(?:the|this|that|its|published|accompanying|official|case|patient|patient['’]s|medical|clinical"
    r"|hospital) (?!track )(?:\w+ )?(?<!track )record\b(?! (?:of (?:the )?(?:change|photo|mole|lesion|size|it)"
    r"|should|keep|keeping|for (?:later|compar|follow)|so|over time|the |its |any |all |every |each ))",
    r"\b(?:isic|ham ?10000|pad-?ufes|bcn ?20000|scin|derm12345|derm 12345|hiba)(?:-20)?(?: \w+)?(?: taxonomy"
    r"| archive| label| set| table| database| collection| record|\b)",
    r"\b(?:(?:the|this|its|these|image|original|expert|supplied|provided|given|from|per|by|to) annotations?|annotated"
    r"|(?:labell?ed|recorded"
    r"|listed) (?:as|here|in|for|under)|(?:the|this|our|your|its) (?:\w+ )?data ?sets?|the (?:data"
    r"|information|details?|context|facts) (?:given|provided|supplied)(?! by\b)|(?:from"
    r"|in) the (?:given )?context\b(?! of)|(?:according to|from|based on|per) (?:the )?(?:given )?(?:information"
    r"|details|context|data)(?: provided| given| supplied)?)\b",
    r"\b(?:is|are|was|were|been) (?:officially )?(?:documented|recorded|filed|catalogu?ed|coded|registered"
    r"|tagged) (?:as|here|in|for|under)\b",
)


def _compiled(parts: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(map(re.compile, parts))


TALK: dict[str, tuple[re.Pattern[str], ...]] = {
    "refusal": _compiled(_REFUSAL),
    "no image": _compiled(_NO_IMAGE),
    "service": _compiled(_SERVICE),
    "machine": _compiled(_AI),
    "instruction": _compiled(_INSTRUCTS),
    "leak": _compiled((*_LEAK, r"\b[a-z]{2,}(?:_[a-z]{2,})+\b")),
    "hint": _compiled(_HINT),
}
"""What is told -> patterns of it."""

HONEST = re.compile(_HONEST)
"""What follows "I cannot give a diagnosis" where it says what one image does not show, and is no refusal."""
