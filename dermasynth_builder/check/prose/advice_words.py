"""Advice that harms, in words: doses, treatment at home, against being seen, to wait, and certainty."""

import re


def _any(*parts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(map(re.compile, parts))


DRUGS = (
    r"(?:hydrocortisone|clobetasol|betamethasone|mometasone|prednis\w+|steroids?|fluorouracil|5-fu|imiquimod"
    r"|methotrexate|isotretinoin|tretinoin|doxycycline|amoxicillin|cephalexin|ibuprofen|paracetamol"
    r"|acetaminophen|antihistamine|cetirizine|aci?clovir|clotrimazole|terbinafine|ketoconazole|permethrin"
    r"|ivermectin|retinoid|cream|oint|crm|susp|tabs?|caps?|ointment|lotion|tablets?|capsules?|gel|antibiotics?"
    r"|medicine|medication|pills?"
    r"|\w+(?:cillin|cycline|mycin|floxacin|conazole|sone|solone|methasone|mab|tinib|profen))"
)
_SO_MUCH = (
    r"(?:one|two|three|four|half an?|a|\d+) (?:tablets?|capsules?|pills?|drops?|sachets?|spoon\w*|puffs?|ampoules?)"
)
_SO_OFTEN = (
    r"(?:once|twice|three times|four times|(?:\w+ )?times|daily|nightly|a day|per day|every (?:\w+ )?(?:hours?|day"
    r"|night"
    r"|morning|evening)|at night|at bedtime|in the (?:morning|evening))"
)
DOSE = re.compile(
    r"\b\d+(?:\.\d+)? ?(?:mg|mcg|µg|milligrams?|ml|units?|iu)\b(?!/dl)|\b\d+(?:\.\d+)? ?(?:%"
    rf"|percent) (?:\w+ )?{DRUGS}|\b{DRUGS} (?:\w+ )?\d+(?:\.\d+)? ?(?:%|percent)|\b(?:apply|take|use|rub"
    rf"|swallow|inject|dab|put)\b[^.;]{{0,60}}\b(?:once|twice|three times|four times|every (?:\w+ )?(?:hours?"
    r"|day|night|morning)|\w+ times|daily|nightly|a day|per day|for (?:\w+ )?(?:days|weeks|months))\b"
    rf"|\b{DRUGS}\b[^.;]{{0,30}}\b(?:bd|bid|tds|tid|qds|qid|qhs|nocte|b\.i\.d|t\.i\.d)\b"
    rf"|\b{_SO_MUCH} (?:\w+ ){{0,3}}?{_SO_OFTEN}\b"
)
_TOOLS = (
    r"(?:threads?|strings?|floss|rubber bands?|scissors|blades?|razors?|knife|knives|needles?|pins?"
    r"|nail clippers?|clippers|tweezers|lighters?|match(?:es)?|flames?|candles?|iron|sandpaper|pumice(?: stone)?"
    r"|nail file|cheese grater|fingernails?|fingers|duct tape|super ?glue|soldering iron|curling iron|cigarette)"
)
_CAUSTICS = (
    r"(?:bleach|black salve|bloodroot|(?:apple cider )?vinegar|hydrogen peroxide|(?:battery |wart |hydrochloric "
    r"|sulphuric |sulfuric |acetic |strong )acid|kerosene|petrol|gasoline|diesel|turpentine|paint thinner"
    r"|liquid nitrogen|dry ice|freeze spray|toothpaste|garlic|wart (?:remover|treatment|plasters?)|urine|baking soda"
    r"|tea tree oil|castor oil"
    r"|lemon juice|nail (?:polish|varnish)(?: remover)?|acetone|drain cleaner|caustic lye|caustic \w+|essential oils?"
    r"|iodine|rubbing alcohol|disinfectant|dmso|oregano oil|frankincense|cannabis oil|hot wax|boiling (?:water"
    r"|oil)|scalding (?:hot )?water|wood ash|escharotic\w*|caustics?)"
)
CUTS = (
    r"(?:cut|slic|shav|burn|freez|pick|scrap|snip|ty|tie|scratch|tear|pull|twist|squeez|pop|lanc|dig|remov|peel"
    r"|pierc|prick|cauteri[sz]|singe|sand|strangl|clip|grat|pinch|drain)(?:e|t|p|g|ting|ing|ping|ging|ning)?"
)
HOME = _any(
    rf"\b{CUTS}\b[^.;:]{{0,50}}?\b(?:yourself|themselves|at home|with (?:\w+ ){{0,4}}?{_TOOLS})\b",
    rf"\b(?:t(?:ie|ying)|wrap\w*|loop\w*|knot\w*) (?:\w+ ){{0,2}}?{_TOOLS}\b",
    rf"\b(?:heated|hot|sterili[sz]ed|clean|sharp|kitchen) {_TOOLS}\b[^.;]{{0,40}}\b(?:until|off|out|away)\b",
    r"\b(?:appl(?:y|ying)|dab\w*|put(?:ting)?|rub\w*|us(?:e|ing)|try(?:ing)?|soak\w*|drip\w*|pour\w*|drop"
    r"|paint\w*|smear\w*|spread|spray\w*|brush\w*|treat\w*|cover\w*|wash\w*|clean\w*|hold\w*|dip\w*|bath\w*"
    rf"|cur(?:e|es|ed|ing)|heal(?:s|ed|ing)?|shrink\w*|shrank|shrunk|dissolv\w+|got rid|place|a (?:few )?drops? of"
    rf"|compress\w* (?:of|with))\b[^.;:]{{0,45}}?\b{_CAUSTICS}\b",
    rf"\b{_CAUSTICS}\b[^.;]{{0,50}}?\b(?:draws?|dissolv\w+|cures?|heals?|removes?|kills?|shrinks?|eats?"
    r"|burns? (?:it|the \w+) (?:off|away|out)|gets? rid|works? (?:well|wonders|as well|better|just as)|is (?:a "
    r"|an )?(?:\w+ )?(?:effective|good|great|proven|alternative|cure|remedy|enough)|do(?:es)? the (?:job|trick)"
    r"|will (?:do|take|make))\b",
    r"\b(?:stop|skip|doubl|halv|quit|paus|discontinu|drop|abandon|throw away|come off)(?:e|ing|ping|ting"
    r"|s)?\b (?:taking |using )?(?:all |any |both )?(?:of )?(?:your|the|all|his|her|their|any|those"
    r"|prescribed) (?:\w+ ){0,3}?(?:medication|medicines?|treatment|doses?|immunosuppress\w+|chemotherapy"
    r"|insulin|pills|tablets|drugs|blood thinners?|anticoagulants?|steroids|prescriptions?|antibiotics)\b",
    r"\b(?:neighbou?r|friend|relative|someone else|somebody else|another person|husband|wife|mother|father"
    r"|sister|brother|aunt|partner)['’]s (?:\w+ ){0,2}?(?:antibiotics?|tablets|pills|cream|medication|medicine"
    r"|steroids?|ointment|prescription)\b",
    rf"\b(?:buy|get|order|obtain|fetch) (?:\w+ ){{0,3}}?(?:liquid nitrogen|dry ice|freeze spray"
    rf"|{_CAUSTICS})\b[^.;]{{0,80}}?\b"
    r"(?:hold|apply|put|dab|rub|drip|pour|use|on (?:it|the))\b",
    rf"\b(?:leftover|left-over|expired|spare|old|remaining) {DRUGS}\b[^.;]{{0,60}}?\b(?:start|taken?|used?|finish"
    rf"|applied|apply"
    rf"|try)\b",
    r"\b(?:stop|throw away|bin|discard|quit|skip|forget|ignore|leave off|put aside) (?:using |taking |with )?(?:what"
    r"|whatever"
    r"|all|everything|anything) (?:that )?(?:your|the|his|her|a|any) (?:doctor|dermatologist|gp|physician|specialist"
    r"|pharmacist"
    r"|clinic)\w* (?:has |have )?(?:prescribed|gave|given|ordered|told|recommended|said|advised)\b",
    r"(?:^|[,;:] |\bso |\band |\bthen |\b(?:can|may|should|could) )(?:just |simply |also )?(?:lie|sit|stay|bake|bask"
    r"|go out|sunbathe"
    r"|spend [\w ]{2,20}?) (?:\w+ ){0,3}?in(?:to)? the (?:\w+ )?sun\b(?!burn)",
    r"\b(?:more|plenty of|a lot of|regular|some|a bit of|strong|direct) (?:sun|sunlight|sunshine|sun exposure"
    r"|uv)\b (?:on \w+ "
    r"|on the \w+ )?(?:will|can|helps?|is (?:good|healthy|the best|what)|dries|heals?|clears?)\b",
    r"\b(?:use|take|finish|try|apply)\b[^.;]{0,25}\b(?:leftover|left-over|expired|old|spare|somebody['’]s|animal"
    r"|veterinary|horse) (?:\w+ )?(?:antibiotics?|tablets|pills|cream|medication|medicine|steroids?|ointment"
    r"|dewormer)\b",
    r"\b(?:tanning beds?|sunbeds?|solariums?|sunbathing|sunburns?|strong sun|midday sun|tanning|uv (?:light"
    r"|rays) (?:at home|from))\b[^.;]{0,60}?\b(?:(?:is|are) (?:\w+ )?(?:safe|harmless|healthy|fine|good"
    r"|ok(?:ay)?|beneficial|all right)|heals?|cures?|helps?|clears?|prepares?|dries|dry|protects?|toughens?"
    r"|will (?:heal|help|clear|dry|fade|cure))\b",
    r"\b(?:without|no|skip|forget|stop using|avoid|do not need|don['’]t need) (?:any |the |your |wearing "
    r"|using )?(?:need for )?(?:sun ?screen|sun cream|sun ?block|sun protection)\b",
    r"\b(?:sun ?screen|sun cream|sun ?block|sun protection|shade|hats?|protection from the sun)\b (?:\w+ ){0,2}?(?:is"
    r"|are)"
    r" (?:\w+ )?(?:pointless|unnecessary|useless|superfluous|overrated|a waste|no use|not (?:\w+ )?(?:needed|necessary"
    r"|required|worth))\b|\b(?:sun ?screens?|sun cream|sun ?block|sun protection) (?:\w+ )?(?:(?:does|do"
    r"|causes?) (?:\w+ )?(?:more )?"
    r"harm|is (?:\w+ )?(?:harmful|poison\w*|toxic|bad for|dangerous))\b|\b(?:tan|sunbathe|be in the sun"
    r"|stay in the sun|sun (?:your|her|him|them)sel\w+"
    r"|lie in the sun)"
    r" as (?:much|long|often) as (?:you|she|he|they|one)\b",
    r"\b(?:herbal|natural|home-?made|homeopathic|ayurvedic|traditional) (?:\w+ ){0,2}?(?:creams?|oils?|ointments?"
    r"|pastes?"
    r"|medicines?|remed(?:y|ies)|balms?|treatments?)\b[^.;]{0,50}?\b(?:cured?|cures|heals?|healed|disappears?|vanish\w*"
    r"|go(?:es)? away|(?:be )?gone|resolves?|clears?)\b",
    r"\b(?:diet|turmeric|curcumin|herb\w*|homeopath\w*|vitamins?(?: \w)?|prayer|detox\w*|juic(?:e|ing)|fasting"
    r"|supplements?|alkaline \w+|apricot \w+|laetrile|remed(?:y|ies)|mushrooms?|cbd|aloe vera|honey|coconut oil"
    r"|tea|meditation|positive thinking|natural (?:oils?|products?|treatments?))\b[^.;]{0,60}?\b(?:will |can "
    r"|to |would )?(?:cures?|heals? (?:it|the|this|your|cancer|melanoma)|replac\w+|instead of|in place of"
    r"|starv\w+|shrinks?|dissolves?|reverses?|gets? rid of|kills? (?:the|cancer)|eliminates?|as (?:effective|good"
    r"|well) as (?:surgery|an? operation|excision|chemo\w*)|makes? (?:surgery|an operation|excision"
    r"|treatment) (?:un\w+|superfluous))\b",
    r"\b(?:instead of|rather than|in place of|an? (?:\w+ )?alternative to|replaces?|spares? you|avoids?"
    r"|no need for) (?:\w+ ){0,4}?(?:surgery|operation|excision|chemotherapy|radiotherapy|removed|operated"
    r"|cut out|biopsied)\b[^.;]{0,60}\b(?:oils?|herbs?|diet|remed\w+|cream|salve|vinegar|honey|tea|supplement\w*"
    r"|vitamin\w*|homeopath\w*|paste|poultice)\b",
    r"\b(?:tak(?:e|en|ing)|freez(?:e|ing)|froz(?:e|en)|burn\w*|cut\w*|shav\w+|remov\w+|pick\w*|scrap\w+"
    r"|get(?:ting)? rid)\b (?:\w+ ){0,3}?(?:off|out|away|of)?\b[^.;:]{0,25}\b(?:at home|(?:on|by) (?:your|his"
    r"|her|their) own|(?:by )?(?:yourself|himself|herself|themselves))\b",
    r"\b(?:mole|wart|tag|lesion|spot)[- ](?:remov\w+|freez\w+)[- ](?:pen|kit|cream|spray|patch\w*|device|gel)\b"
    r"|\b(?:freezing|removal|cryo\w*|plasma) (?:kit|pen|spray)\b",
    r"\b(?:throw(?:ing)? (?:away|out)|stop(?:ping)?|bin|discard\w*|ditch\w*|quit|drop|forget) (?:using "
    r"|applying |taking |with )?(?:\w+ ){0,2}?(?:cream|ointment|gel|lotion|medicine|medication|tablets|pills"
    r"|drops)\b[^.;]{0,40}?\b(?:prescribed|doctor|dermatologist|instead)\b",
    r"\b(?:use|apply|try|take|rub in|put on)\b (?:\w+ ){0,3}?(?:oil|honey|aloe vera|butter|tea|herbs?|remed(?:y"
    r"|ies)|clay|charcoal|paste|salve|balm)\b[^.;]{0,20}?\binstead\b",
)
SEEN = (
    r"(?:doctors?|dermatologists?|physicians?|specialists?|clinics?|hospital(?! (?:stay|bed|admission))|gp|surgeons?"
    r"|surgery(?= hours)|appointments?|visits?"
    r"|check-?ups?|biops(?:y|ies|ied)|examinations?|follow-?ups?|seen|checked|looked at|examined|anyone|anybody"
    r"|medical (?:attention|care|help|review|advice|opinion)|referrals?|second opinion|professional|monitored"
    r"|controls?|histolog\w+|pathology|microscopy|dermoscopy)"
)
_SIGN = (
    r"(?:bleeding|growth|growing|chang(?:e|es|ing)|itching|itch|pain|darkening|ulceration|oozing|crusting"
    r"|fever|a (?:new )?(?:bleed"
    r"|change|crust|colou?r))"
)
DISSUADES = _any(
    r"\b(?:no|not any|without any|never any|hardly any|little) (?:\w+ )?(?:need|reason|point|call|cause|sense"
    rf"|use|necessity)\b (?:\w+ ){{0,6}}?{SEEN}\b",
    r"\b(?:do not|don['’]t|does not|doesn['’]t|need not|needn['’]t|won['’]t|will not|no longer|never|would not"
    r"|wouldn['’]t) (?:\w+ )?(?:need|have|require|bother\w*|worry|waste|trouble|go|see|visit|consult|ask|book"
    rf"|make|mention|tell|show|report|inform|call|phone|raise|listen)\b (?:[\w'’]+ ){{0,6}}?{SEEN}\b(?! (?:to rule"
    rf"|in))",
    rf"\b(?:need not|needn['’]t) (?:be )?{SEEN}",
    r"\b(?:must not|mustn['’]t|should not|shouldn['’]t|ought not to) (?:waste|bother|trouble|burden|use up|take up"
    r"|block|occupy)"
    rf" (?:\w+ ){{0,4}}?{SEEN}\b",
    rf"\b{_SIGN} (?:[\w'’]+ ){{0,5}}?(?:(?:never|does not|doesn['’]t|do not|don['’]t) (?:really "
    rf"|actually )?(?:(?:means?|signals?"
    r"|indicates?|signif(?:y|ies)) (?:anything|much|harm|danger|trouble)|matters?)|(?:has|have|is of|carr(?:y"
    r"|ies)) no (?:\w+ )?"
    r"(?:meaning|significance|importance|relevance|weight)|means? nothing|is (?:never|nothing|not|no) (?:an? "
    r"|any )?(?:\w+ )?"
    r"(?:signs?|concern|cause|reason|problem|danger|to worry|worry)|is (?:usually |always |entirely |quite |mostly "
    r"|completely )?harmless)\b",
    r"(?:^|[,;:] |\bso |\band |\bthen |\bplease )(?:just |simply |please )?(?:ignore|disregard"
    r"|forget(?: about)?) (?:it|this|that|them)\b",
    r"\b(?:can|may|should|could|need to) (?:now |safely |simply |just )?(?:stop|quit|give up|cease|skip) (?:checking"
    r"|watching"
    r"|examining|monitoring|looking at|inspecting|photographing|controlling) (?:your|the|her|his|it|this|that|them"
    r"|any)\b",
    r"\b(?:skip|cancel|avoid|forget(?: about)?|put off|postpone|cross|stay away from|save yourself"
    rf"|spare yourself|keep away from|can do without|manage without)\b (?:[\w'’-]+ ){{0,4}}?{SEEN}\b",
    r"\b(?:can|may|could|should|must) (?:be )?(?:safely |simply |just |easily "
    r"|perfectly well )*(?:be )?(?:safely |simply |just )*(?:ignored?|forgotten|left alone|disregarded"
    r"|forget (?:about )?it|dismissed|leave it (?:alone|be|as it is))\b(?! (?:at |by ))|\b(?:can"
    r"|should) (?:\w+ )?stay as it is\b",
    r"\b(?:just|simply|safely) (?:ignore|forget|leave) (?:it|this|about|the \w+)\b|\bnever (?:think"
    r"|worry) about (?:it|this|the|that)\b|\bforget about it\b|\bmind at (?:rest|ease)\b|\brest assured\b"
    r"|\bsleep easy\b",
    rf"\b(?:no|neither) (?:\w+ )?{SEEN} (?:or \w+ )?(?:is |will be |visit is |are |was )?(?:needed|necessary"
    r"|required|called for|indicated|warranted)(?! to (?:name|confirm|establish|prove|make|know))",
    rf"\b{SEEN}\b (?:\w+ ){{0,3}}?(?:is|would be|are|seems?|was|isn['’]t|aren['’]t) (?:\w+ )?(?:(?:not|never|rarely"
    r"|hardly) (?:\w+ )?(?:need(?:ed)?|necessary|required|worth\w*|warranted|indicated)|unnecessary|pointless"
    r"|needless|a waste|superfluous|overkill|useless|unneeded|optional at best)\b",
    r"\b(?:wait|leave it|watch it|live with it)(?: for)? (?:\w+ )?(?:months|years) before (?:\w+ )?(?:see|show"
    rf"|consult|{SEEN})\w*",
    r"\b(?:instead of|rather than|without) (?:ever )?(?:seeing|visiting|going to|asking|consulting|bothering"
    rf"|wasting time (?:on|at)) (?:\w+ )?{SEEN}",
    rf"\b(?:waste of (?:time|money|\w+ time)|not worth|isn['’]t worth|don['’]t bother)\b[^.;]{{0,40}}{SEEN}"
    rf"|\b{SEEN}\b[^.;]{{0,30}}\bwaste of\b",
    r"\b(?:can|could|may) (?:safely |easily |well |perfectly well |happily |just )?(?:wait|be postponed"
    r"|be put off|be delayed|be left) (?:until (?:it|the)|for (?:a |another |several |some |many "
    r"|a few )?(?:months|years?|\d+ (?:months|years?)|decades?)|a (?:year|few (?:months|years))|(?:several|some"
    r"|many|two|three|six) (?:months|years)|indefinitely|forever)",
    r"\b(?:waiting|delay\w*|postpon\w+|putting (?:it|this) off|holding off)\b[^.;]{0,50}\b(?:years?"
    r"|months)\b(?:(?!\bnot\b|n['’]t)[^.;]){0,40}\b(?:no harm|harmless|safe|fine|ok(?:ay)?|no difference"
    r"|without risk|no problem|acceptable|does not matter)\b",
    r"\b(?:even if|although|though|when) (?:it|this|the \w+) (?:\w+ )?(?:grows?|changes?|bleeds?"
    r"|turns?)\b[^.;]{0,60}\b(?:no (?:need|reason|cause)|not? (?:worry|matter|need)|n['’]t (?:need|have|worry"
    r"|matter)|harmless|nothing to|fine)\b",
    r"\b(?:no|not a) (?:reason|cause) (?:for|to) (?:concern|worry|alarm)\b[^.;]{0,20}\b(?:even if|whatever)\b",
    rf"\b(?:not|n['’]t) (?:\w+ )?(?:need|necessary|required?|needed|worth) (?:to|for|of) (?:\w+ ){{0,5}}?{SEEN}\b",
    r"\b(?:you|she|he|they|one|the patient) (?:can|may|could|should) (?:safely |just |simply |now "
    r"|certainly )?(?:relax|forget (?:about )?it|ignore (?:it|this)|stop worrying|rest easy|be (?:completely "
    r"|fully |totally )?(?:reassured|calm|at ease)|sleep (?:well|easy|soundly))\b",
    r"\b(?:self-?monitoring|self-?checks?|home monitoring|watch(?:ing)? it (?:yourself|at home)"
    r"|(?:photo(?:graph)?s|pictures) at home)\b[^.;]{0,40}\b(?:(?:is|are) (?:\w+ )?(?:enough|sufficient|fine"
    r"|all)|suffic\w+|instead|will do)",
    r"\b(?:wait(?:ing)?|hold off|come back|review(?:ing|ed)?|recheck\w*) (?:\w+ )?(?:in|for) (?:two|three|four"
    r"|five|several|a few|some|\d+)(?: (?:or|to) \w+)? years\b",
    rf"\bnothing\b (?:[\w,'’-]+ ){{0,8}}?(?:calls for|requires?|warrants?|needs|demands|justifies"
    rf"|asks for) (?:\w+ ){{0,3}}?{SEEN}\b",
    r"\bno (?:\w+ )?(?:reason|need|cause|point) (?:to|in) (?:let(?:ting)?|have|having) (?:\w+ ){0,4}?(?:cut|operate"
    r"|remove|excise|biopsy"
    r"|operated|removed|excised|look|see|check|examine)\w*\b",
    rf"\bnothing (?:that |which )?(?:an? |any |your |the |her |his )?{SEEN} (?:has|have|needs?|must|should|would"
    rf"|will)\b"
    rf"|\bno (?:\w+ )?{SEEN} (?:ever )?(?:needs?|has|have|must|should) (?:to )?(?:see|look|check|examine|know|hear)\b",
    r"\b(?:need not|needn['’]t|do(?:es)? not (?:need|have) to|don['’]t (?:need|have) to|doesn['’]t (?:need"
    r"|have) to) (?:go|come|show"
    r"|call|do|ask|tell) (?:\w+ )?(?:anywhere|anybody|anyone|anything|back)\b",
    r"\b(?:is|would be|['’]s) (?:just |only |simply |really )?a waste of (?:time|money|[\w'’]+ (?:time|money))\b",
    rf"\b{SEEN} (?:can|may|could|should) (?:\w+ )?be (?:\w+ )?(?:dropped|skipped|omitted|cancelled|left out"
    rf"|dispensed with|abandoned"
    r"|given up|stopped)\b",
    r"\b(?:reassure and discharge|discharge (?:him|her|the patient|them)|send (?:him|her|the patient"
    r"|them) (?:home|away))\b",
)
DELAYS = _any(
    r"\b(?:no|not any|without) (?:\w+ )?(?:hurry|rush|urgency)\b|\b(?:is|are|seems?) not urgent\b|\b(?:years?"
    r"|months)\b[^.;]{0,30}\bsoon enough\b",
    r"\b(?:watch(?:ed|ing)?|observ(?:e|ed|ing)|monitor(?:ed|ing)?|left|leave|wait(?:ing)?|kept an eye on"
    r"|keep an eye on)\b (?:\w+ ){0,4}?(?:for|within|over)? ?(?:another |the next |a |about "
    r"|at least )*(?:\w+ (?:or|to) )?(?:\w+ )?(?:years?|months)\b",
    r"\bwait and see\b|\bwatchful waiting\b",
    r"\b(?:come back|return|look again|show it again|see (?:him|her|you) again) (?:\w+ )?(?:next year|in (?:a|one|two"
    r"|three|a few|some)"
    r" years?)\b|\b(?:half a year|a year|months|years|a few months) (?:\w+ ){0,3}?makes? no difference\b"
    r"|\bthere(?: is|['’]s) (?:plenty of|lots of|all the) time\b",
    r"\b(?:appointment|visit|check-?up|check|review|control|excision|biopsy|follow-?up"
    r"|consultation)\b (?:\w+ ){0,2}?(?:in|after"
    r"|within|once in) (?:about |around |another |some |the next |a )*(?:\w+ (?:or|to) )?(?:\w+ )?(?:months"
    r"|years?)\b (?:\w+ ){0,2}?"
    r"(?:enough|sufficient|suffices?|fine|early|adequate|plenty|will do|reasonable|all right|ok(?:ay)?)\b",
    r"\bnothing\b (?:[\w,'’-]+ ){0,6}?(?:calls for|requires?|warrants?|needs|demands|justifies"
    r"|asks for) (?:\w+ )?(?:earlier|urgent"
    r"|prompt|immediate|quick\w*|faster|sooner|swift|speedy|further|any) (?:action|treatment|steps?|measures?"
    r"|attention|removal|care)\b",
)
UNTREATED = _any(  # said of what is malignant
    r"\b(?:will|should|can|may|tends? to|going to|would) (?:\w+ )?(?:go away|go|disappear|heal|resolve|clear(?: up)?"
    r"|vanish|fade"
    r"|fall off|settle|shrink|regress|dry up|close(?: up)?|go down|drop off|peel off|mend) (?:\w+ ){0,2}?(?:(?:by"
    r"|of) (?:itself|themselves)|on (?:its|their) own"
    r"|without (?:any )?"
    r"(?:treatment|surgery|doing)|if (?:it is |they are )?left|with time|in time|spontaneously)\b",
    r"\b(?:treatment|therapy|removal|surgery|an? (?:operation|excision|treatment)|removing it) (?:is|are|will be"
    r"|would be|seems?)"
    r" (?:\w+ )?(?:not (?:\w+ )?(?:needed|necessary|required|indicated)|unnecessary|optional|superfluous|pointless"
    r"|overdoing it|overkill|excessive|exaggerated|too much|a matter of (?:looks|taste))\b|\bno (?:treatment|therapy"
    r"|surgery|removal|operation|excision) (?:is |will be "
    r"|at all )?(?:\w+ )?"
    r"(?:needed|necessary|required|indicated)\b|\b(?:does not|doesn['’]t|do not|don['’]t|need not|needn['’]t) (?:need"
    r"|require|have)"
    r" (?:to be |any )?(?:treat\w+|remov\w+|excis\w+|surgery|an operation)\b|\bcan (?:safely )?(?:be left"
    r"|stay) (?:untreated|in"
    r" place|where it is|as it is)\b",
)
SURE = _any(
    r"\b(?:definitely|definitively|undoubtedly|unquestionably|indisputably|unmistakabl[ye]|without (?:a "
    r"|any )?(?:shadow of a )?(?:doubt|question)|beyond (?:any |all |a )?(?:shadow of a |reasonable )?(?:doubt"
    r"|question)|no doubt|there is no (?:doubt|question)|certainly (?:an? |benign|malignant|cancer|not cancer"
    r"|melanoma)|with (?:absolute |complete |full |total |utter |100 ?(?:%|percent) )?certainty"
    r"|i am (?:\w+ )?(?:certain|sure|positive)|guarantee[ds]?|always fatal|(?:has|have) (?:only )?\w+ (?:weeks"
    r"|months|years) to live|fool-?proof|certain(?:ly)? (?:to be|death)|infallib\w+)\b",
    r"\b(?:is|are) (?:always|invariably|never anything but) (?:harmless|benign|safe|malignant|fatal|curable"
    r"|a problem)\b|\bnever (?:a problem|dangerous|malignant|cancer\w*)\b",
    r"\b(?:he|she|you|the patient) (?:will|is going to|are going to) (?:be dead|die)\b|\bnot (?:the slightest"
    r"|a shadow of a|any|a) doubt\b|\bno room for doubt\b",
    r"\b(?:is|are|will be) (?:completely|fully|definitely|permanently|forever|entirely) cured\b|\b(?:he"
    r"|she) will (?:never|certainly"
    r"|definitely|surely)\b",
    r"\b(?:100|99(?:\.\d+)?|(?:a |one )?hundred) ?(?:%|per ?cent)(?: (?:sure|certain|sensitiv\w+|accura\w+"
    r"|benign|malignant|safe))?",
    r"\b(?:absolutely|totally|completely|entirely|fully|perfectly|utterly) (?:certain|sure|is\b|positive|safe"
    r"|harmless|risk-free|clear that)",
    r"\b(?:is|it['’]s|would be) impossible (?:that|for)|\bcannot (?:possibly )?be anything (?:else|but)"
    r"|\bnothing else (?:it could be|is possible|comes into question)",
    r"\bcan only be (?!found|told|judged|seen|settled|made|confirmed|known|determined|established|assessed"
    r"|answered|given|learn|done|proved|decided|diagnos|measured|examined|felt|said|read|recogni|checked|ruled"
    r"|excluded|detected|distinguished|identified|estimated|guessed)",
    r"\bproves? (?:that|it)|\b(?<!adds )(?<!add )\b(?:zero|no) (?:\w+ )?(?:risk|chance|possibility|danger) (?:of|that"
    r"|for|whatever"
    r"|at all|here)|\bzero (?:risk|chance|doubt)|\b(?:there is|there['’]s) no way (?:that )?(?:this|it|the)"
    r"|\bi(?: am|['’]m) never wrong|\bnever (?:been )?(?:wrong|mistaken)\b|\bno (?:further )?(?:examination|test"
    r"|biopsy|doubt) could (?:add|change)|\b(?:is|are) all (?:that is|you) needed? to be\b|\b(?:this|it|the \w+"
    r"|which) (?:will |can |could |would )?never (?:spreads?|dangerous|becomes?|turns?|turn|become|spread|kill"
    r"|hurt)\b|\b(?:this|it|the \w+|you) will (?:never|certainly|definitely|surely|always)\b",
)
